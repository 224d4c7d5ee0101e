"""Names of files in the run folder, so that who writes one and who reads it agree."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """The run folder of one cluster and the commands it runs from."""

    run: Path
    bin: Path

    @property
    def netns(self) -> Path:
        """The network namespace, mounted on this file: `nsenter --net=FILE COMMAND` runs a command inside."""
        return self.run / "netns"

    @property
    def logs(self) -> Path:
        """One log for each process."""
        return self.run / "logs"

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.run / "pki"

    @property
    def config(self) -> Path:
        """Configuration files of the components."""
        return self.run / "config"

    @property
    def kubeconfig(self) -> Path:
        """For people and programs on the machine, outside the namespace."""
        return self.run / "kubeconfig"

    @property
    def inner_kubeconfig(self) -> Path:
        """For programs inside the namespace."""
        return self.config / "admin.kubeconfig"

    @property
    def containerd_socket(self) -> Path:
        """The container runtime's socket."""
        return self.run / "containerd.sock"

    @property
    def containerd_state(self) -> Path:
        """The container runtime's running state, with its mounts."""
        return self.run / "containerd" / "state"
