"""The real Horizontal Pod Autoscaler: its controller, built from Kubernetes' module and asked about cases.

Needs Go. The versions are those of the embedded cluster (demo/cluster/go.mod), so that both are the same Kubernetes, and so are
the caches; the built program lies in a folder named after all that goes into it. Nothing of Kubernetes is kept in this tree.
"""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from demo.cluster.cache import Cache
from demo.cluster.gobuild import fetch_go, find_go, go_environment
from demo.cluster.report import QuietReporter
from demo.cluster.work import Work

Json = dict[str, Any]
HERE = Path(__file__).parent
SOURCES = tuple(sorted((HERE / "oracle").glob("*.go")))
MODULE = HERE.parents[2] / "demo" / "cluster"


def built() -> Path:
    """Return the program that answers cases, built if need be (some minutes when Kubernetes' packages are not compiled yet)."""
    cache = Cache.locate()
    files = (MODULE / "go.mod", MODULE / "go.sum", *SOURCES)
    key = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    program = cache.conformance / key / "hpa"
    if program.exists():
        return program
    cache.ensure()
    shutil.rmtree(cache.conformance, ignore_errors=True)
    package = program.parent / "source" / "oracle"
    package.mkdir(parents=True)
    for file in files:
        shutil.copy(file, package if file.suffix == ".go" else package.parent)
    go = find_go() or fetch_go(Work(cache, QuietReporter()))
    fresh = program.with_suffix(".new")
    flags = ["-c", "-trimpath", "-mod=readonly", "-o", str(fresh)]
    env = {**os.environ, **go_environment(cache, go)}
    made = subprocess.run(
        [go, "test", *flags, "./oracle"], cwd=package.parent, env=env, check=False, capture_output=True, text=True
    )
    if made.returncode:
        raise RuntimeError(f"building the oracle failed: {made.stderr[-4000:]}")
    fresh.rename(program)
    return program


def answers(program: Path, cases: Iterable[Json]) -> Iterator[list[Json]]:
    """Yield what the real controller did for each case: one entry a tick."""
    lines = "".join(json.dumps(case, separators=(",", ":")) + "\n" for case in cases)
    asked = subprocess.run([str(program), "-test.timeout=0"], input=lines, check=False, capture_output=True, text=True)
    if asked.returncode:
        raise RuntimeError(f"the real controller could not answer: {(asked.stdout + asked.stderr)[-4000:]}")
    for line in asked.stdout.splitlines()[: lines.count("\n")]:
        yield json.loads(line)
