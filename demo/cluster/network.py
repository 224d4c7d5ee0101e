"""The network namespace in which all of the cluster lives: nothing of it reaches the machine's interfaces, routes or rules.

The namespace is a file in the run folder, mounted there as `ip netns` does under /run/netns, which we leave alone: iproute2
would turn that folder into a mount of its own that stays behind.
"""

from dataclasses import dataclass
from pathlib import Path

from demo.cluster.commands import run
from demo.cluster.mounts import is_mounted, unmount

NODE_NAME = "node1"
NODE_IP = "10.99.0.1"
POD_CIDR = "10.244.0.0/16"
NODE_POD_CIDR = "10.244.0.0/24"
SERVICE_CIDR = "10.96.0.0/16"
API_SERVICE_IP = "10.96.0.1"
API_PORT = 6443

# A bridge without ports: there is no dummy device in every kernel, and the kubelet refuses loopback as the node's address.
_NODE_DEVICE = "node0"


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace held by a file."""

    path: Path

    def enter(self) -> list[str]:
        """Give the words to put before a command so that it runs inside."""
        return ["/usr/bin/nsenter", f"--net={self.path}"]

    def create(self) -> None:
        """Make the namespace with the node's address in it."""
        self.path.touch()
        run(["unshare", f"--net={self.path}", "true"])
        lines = [
            "link set lo up",
            f"link add {_NODE_DEVICE} type bridge",
            f"addr add {NODE_IP}/32 dev {_NODE_DEVICE}",
            f"link set {_NODE_DEVICE} up",
            # Without any route the kernel refuses a Service's address before kube-proxy's rules can see it.
            f"route add {SERVICE_CIDR} dev {_NODE_DEVICE} src {NODE_IP}",
        ]
        for line in lines:
            run([*self.enter(), "ip", *line.split()])

    def exists(self) -> bool:
        """Tell whether the namespace is there."""
        return is_mounted(self.path)

    def remove(self) -> None:
        """Let go of the namespace; the kernel removes what is in it when its last process has ended."""
        while self.exists():
            unmount(self.path)
        self.path.unlink(missing_ok=True)
