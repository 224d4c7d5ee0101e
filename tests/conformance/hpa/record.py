"""Ask the real Horizontal Pod Autoscaler of Kubernetes what it decides, and keep or compare the answers.

    python -m tests.conformance.hpa.record            writes cases.jsonl anew
    python -m tests.conformance.hpa.record 20000 7    compares ours with 20,000 fresh cases of seed 7, and writes nothing

Needs Go and the modules of demo/cluster/go.mod, which the embedded cluster downloads. The controller's package is copied into
a temporary folder, `evaluate.go` is put beside it, and both are compiled; nothing of Kubernetes is kept.
"""

import json
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.conformance.hpa.cases import Json, a_case, differences

HERE = Path(__file__).parent
RECORDED = HERE / "cases.jsonl"
MODULE = HERE.parents[2] / "demo" / "cluster"
PACKAGE = "pkg/controller/podautoscaler"
KEPT, KEPT_SEED, KEPT_PODS = 300, 4, 5
COMPARED_PODS = 40


def compiled(folder: Path) -> Path:
    """The program that answers cases, built in `folder`."""
    for name in ("go.mod", "go.sum"):
        shutil.copy(MODULE / name, folder / name)
    source = _go(folder, "list", "-m", "-f", "{{.Dir}}", "k8s.io/kubernetes")
    package = folder / "podautoscaler"
    package.mkdir()
    for file in (Path(source) / PACKAGE).glob("*.go"):
        if not file.name.endswith("_test.go"):
            shutil.copyfile(file, package / file.name)
    shutil.copyfile(HERE / "evaluate.go", package / "evaluate.go")
    shutil.copyfile(HERE / "main.go", folder / "main.go")
    _go(folder, "build", "-trimpath", "-mod=mod", "-o", "answer", ".")
    return folder / "answer"


def _go(folder: Path, *args: str) -> str:
    return subprocess.run(["go", *args], cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def answers(program: Path, cases: list[Json]) -> list[Json]:
    """What the real controller says to each case."""
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    said = subprocess.run([str(program)], input=lines, check=False, capture_output=True, text=True)
    if said.returncode:
        sys.exit(f"the real controller could not answer: {said.stderr[-2000:]}")
    return [json.loads(line) for line in said.stdout.splitlines()]


def main() -> None:
    """Record, or compare when a number of cases is given."""
    count, seed = (int(argument) for argument in [*sys.argv[1:], *("0", str(KEPT_SEED))[len(sys.argv) - 1 :]])
    chance = random.Random(seed)  # noqa: S311 - cases, not secrets
    cases = [a_case(chance, largest=COMPARED_PODS if count else KEPT_PODS) for _ in range(count or KEPT)]
    with tempfile.TemporaryDirectory() as folder:
        pairs = list(zip(cases, answers(compiled(Path(folder)), cases), strict=True))
    if not count:
        text = "".join(json.dumps({"case": case, "real": real}, separators=(",", ":")) + "\n" for case, real in pairs)
        RECORDED.write_text(text, encoding="utf-8")
    wrong = [(case, found) for case, real in pairs if (found := list(differences(case, real)))]
    for case, found in wrong[:5]:
        sys.stdout.write(f"{found}\n{json.dumps(case)}\n")
    sys.stdout.write(f"{len(pairs)} cases, {len(wrong)} decided differently\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
