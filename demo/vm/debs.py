"""Debian packages that are unpacked and never installed: this machine keeps its kernel and its container runtime."""

from collections.abc import Sequence
from pathlib import Path

from demo.cluster.errors import ClusterError, CommandFailedError
from demo.cluster.work import Work

_LOG = "vm"


def update(work: Work) -> None:
    """Have apt read what there is; raises ClusterError."""
    _run(work, ["apt-get", "-o", "DPkg::Lock::Timeout=120", "update"])


def unpack(work: Work, names: Sequence[str], folder: Path) -> None:
    """Fetch packages and unpack them into a folder; raises ClusterError."""
    folder.mkdir(parents=True)
    # apt's own user cannot write here, of which apt-get warns and fetches as root.
    _run(work, ["apt-get", "download", *names], folder)
    for archive in folder.glob("*.deb"):
        _run(work, ["dpkg-deb", "--extract", archive, folder])
        archive.unlink()


def _run(work: Work, argv: Sequence[str | Path], cwd: Path | None = None) -> None:
    try:
        work.run(argv, _LOG, cwd=cwd)
    except CommandFailedError as error:
        raise ClusterError(f"fetching Debian packages failed: {error}\nDoes `apt-get update` work on this machine?") from error
