"""Where everything that the cluster leaves on a machine lies: one folder outside the tree.

One folder, so that one removal takes it all away again. A mark in it says that it is ours: a folder that somebody else filled
is never used, and never removed.
"""

import contextlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from demo.cluster.errors import ClusterError
from demo.cluster.mounts import mounts_under

# The standard mark by which back-up tools leave a folder out (bford.info/cachedir); our own line follows it.
_MARK_NAME = "CACHEDIR.TAG"
_MARK_TEXT = (
    "Signature: 8a477f597d28d172789f06886806bc55\n# The cache of Foresail's embedded cluster; `make clean` removes it.\n"
)


@dataclass(frozen=True, slots=True)
class Cache:
    """The folders of the cache; `root` is absolute."""

    root: Path

    @classmethod
    def locate(cls, environ: Mapping[str, str] = os.environ) -> "Cache":
        """Find the cache: `FORESAIL_CACHE`, else `XDG_CACHE_HOME/foresail`, else `~/.cache/foresail`."""
        if named := environ.get("FORESAIL_CACHE"):
            return cls(Path(named).expanduser().absolute())
        base = environ.get("XDG_CACHE_HOME") or str(Path(environ.get("HOME", "~")).expanduser() / ".cache")
        return cls(Path(base).absolute() / "foresail")

    @property
    def go(self) -> Path:
        """Go's module and build caches and tool chain: only a build needs them, they may be dropped at any time."""
        return self.root / "go"

    @property
    def bin(self) -> Path:
        """Built commands, in one folder for each set of versions."""
        return self.root / "bin"

    @property
    def conformance(self) -> Path:
        """The program that answers for the real Horizontal Pod Autoscaler in tests."""
        return self.root / "conformance"

    @property
    def rootfs(self) -> Path:
        """The base root file system, packed."""
        return self.root / "rootfs"

    @property
    def images(self) -> Path:
        """Images as docker archives, and the storage of the builder."""
        return self.root / "images"

    @property
    def run(self) -> Path:
        """Everything of the one cluster that runs; it does not exist while none does."""
        return self.root / "run"

    @property
    def logs(self) -> Path:
        """Logs of the preparation, and of the last cluster that was taken down (`last-run`)."""
        return self.root / "logs"

    @property
    def packages_record(self) -> Path:
        """The Debian packages that we installed, so that a clean can take away exactly those."""
        return self.root / "packages.json"

    def ensure(self) -> None:
        """Make the folder and mark it as ours; raises ClusterError when somebody else's files are in it."""
        mark = self.root / _MARK_NAME
        if mark.exists():
            return
        if self.root.exists() and any(self.root.iterdir()):
            raise ClusterError(
                f"the cache folder {self.root} holds files that are not ours: name an empty or new folder in FORESAIL_CACHE"
            )
        self.root.mkdir(parents=True, exist_ok=True)
        mark.write_text(_MARK_TEXT)

    def remove(self) -> None:
        """Remove the whole cache; refuses a folder without our mark, and one in which anything is still mounted."""
        if not self.root.exists():
            return
        if not (self.root / _MARK_NAME).exists():
            raise ClusterError(f"{self.root} does not carry our mark ({_MARK_NAME}): it is left as it is; remove it by hand")
        mark = self.root / _MARK_NAME
        for entry in self.root.iterdir():
            if entry != mark:
                remove_tree(entry)
        mark.unlink()  # the last, so that a removal that was interrupted can be taken up again
        with contextlib.suppress(OSError):  # a disk's mount point, or somebody's current folder on it: empty now
            self.root.rmdir()


def remove_tree(folder: Path) -> None:
    """Remove `folder` and all in it; refuses while something is mounted below it, for that would be removed too."""
    if mounted := mounts_under(folder):
        raise ClusterError(
            f"{folder} is not removed, for {mounted[0]} is still mounted below it: `python -m demo.cluster down` unmounts it"
        )
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    else:
        folder.unlink(missing_ok=True)
