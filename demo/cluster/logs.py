"""Reading the logs of the cluster's processes: one file for each, in one folder."""

from pathlib import Path

from demo.cluster.commands import tail
from demo.cluster.errors import ClusterError


def log_names(folder: Path) -> list[str]:
    """List whose logs there are."""
    return sorted(log.stem for log in folder.glob("*.log"))


def read_log(folder: Path, name: str, lines: int) -> str:
    """Return the last lines of one log; raises ClusterError that lists the names there are."""
    path = folder / f"{name}.log"
    if not path.exists():
        known = ", ".join(log_names(folder)) or "none"
        raise ClusterError(f"there is no log named {name} in {folder}; there are: {known}")
    return tail(path, lines)
