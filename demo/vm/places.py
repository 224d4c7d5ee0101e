"""Where the machine's files lie in the cache, and where they are found inside the machine."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from demo.cluster.cache import Cache
from demo.cluster.layout import Layout

# Inside the machine.
CODE = PurePosixPath("/opt/foresail/code")
PYTHON = PurePosixPath("/opt/foresail/python")
IMAGES = PurePosixPath("/opt/foresail/images")
RUN = PurePosixPath("/var/lib/foresail")
PYTHON_VERSION = (3, 11)
"""Of the base image."""


def inner_layout() -> Layout:
    """Return the layout of the run folder inside the machine."""
    return Layout(Path(RUN), Path("/opt/foresail/bin"))


@dataclass(frozen=True, slots=True)
class Places:
    """Files of the machine in the cache; all of them can be made anew."""

    cache: Cache

    @property
    def root(self) -> Path:
        """Everything of the machine."""
        return self.cache.root / "vm"

    @property
    def kernel(self) -> Path:
        """The unpacked kernel."""
        return self.root / "kernel"

    @property
    def node(self) -> Path:
        """The container runtime and the plugins of the pods' network, unpacked."""
        return self.root / "node"

    @property
    def disk(self) -> Path:
        """The root file system, ext4."""
        return self.root / "root.img"

    @property
    def disk_key(self) -> Path:
        """What the root file system was made from."""
        return self.root / "root.key"

    @property
    def python(self) -> Path:
        """The exporter's dependencies, one folder for each set of versions."""
        return self.root / "python"

    @property
    def run(self) -> Path:
        """Files of the run under way; what it brought back is moved out of it."""
        return self.root / "run"

    @property
    def verdict(self) -> Path:
        """Whether hardware virtualization works on this machine, for this boot of it."""
        return self.root / "kvm.json"
