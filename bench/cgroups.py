"""Empty cgroups of the real kernel, laid out as a kubelet lays out pods; made for a benchmark and taken away after it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_CONTAINERS_A_POD = 2


@contextlib.contextmanager
def many(containers: int, parent: str = "foresail-bench") -> Iterator[None]:
    """Make that many container cgroups below a folder of our own in every hierarchy, and remove exactly those at the end."""
    made: list[Path] = []
    try:
        for root in _hierarchies():
            for path in _paths(containers, root / parent):
                path.mkdir()
                made.append(path)
        yield
    finally:
        for path in reversed(made):
            path.rmdir()


def _paths(containers: int, top: Path) -> Iterator[Path]:
    yield top
    yield top / "kubepods"
    for number in range(containers):
        pod = top / "kubepods" / f"pod{number // _CONTAINERS_A_POD:08x}-0000-4000-8000-{0:012x}"
        if number % _CONTAINERS_A_POD == 0:
            yield pod
        yield pod / f"{number:064x}"


def _hierarchies() -> list[Path]:
    """Every mounted hierarchy once: on version 1 `cpu` may be a link to `cpu,cpuacct`."""
    if (_ROOT / "cgroup.controllers").exists():
        return [_ROOT]
    return sorted({path.resolve() for path in _ROOT.iterdir() if (path / "cgroup.procs").exists()})
