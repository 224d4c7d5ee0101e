"""What tests of the chart share: helm, and the objects that it renders."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.cluster.cache import Cache

Json = dict[str, Any]
Helm = Callable[..., subprocess.CompletedProcess[str]]
Render = Callable[..., list[Json]]
CHART = Path(__file__).resolve().parents[3] / "helm" / "foresail"


def find_helm() -> str | None:
    """Return helm: the one that FORESAIL_HELM names, of the machine, or of the embedded cluster."""
    built = sorted(Cache.locate().bin.glob("*/helm"), key=lambda path: path.stat().st_mtime)
    return os.environ.get("FORESAIL_HELM") or shutil.which("helm") or (str(built[-1]) if built else None)


@pytest.fixture
def helm(tmp_path: Path) -> Helm:
    """Run helm with folders of its own, so that nothing of the person's own is read."""
    program = find_helm()
    if program is None:
        pytest.skip("no helm here: `python -m demo.cluster prepare` builds it, or set FORESAIL_HELM")
    home = {f"HELM_{name}_HOME": str(tmp_path / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **home}
        return subprocess.run(
            [program, *map(str, words)], capture_output=True, text=True, check=False, timeout=60, env=environment
        )

    return run


@pytest.fixture
def render(helm: Helm, tmp_path: Path) -> Render:
    """Render the chart with some values and return its objects."""

    def rendered(values: Mapping[str, Any] | None = None, *words: str) -> list[Json]:
        file = tmp_path / "values.yaml"
        file.write_text(yaml.safe_dump(dict(values or {})))
        result = helm("template", "foresail", CHART, "--namespace", "watch", "--values", file, *words)
        assert result.returncode == 0, result.stderr
        return [one for one in yaml.safe_load_all(result.stdout) if one]

    return rendered
