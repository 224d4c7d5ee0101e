"""Everything a user can choose, as one frozen tree with a sentence for each field.

The command line fills it; the layers below get the branch they need. Checking the values against the machine (does
the folder exist, is the port free) is left to the command line and the server.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from exporters.roots import Roots


@dataclass(frozen=True, slots=True)
class Web:
    """Where the exporter listens and under which path it answers."""

    host: str | None = None
    """Address to bind; None binds every address of the machine, IPv4 and IPv6."""
    port: int = 9109
    """TCP port; 0 lets the kernel choose one."""
    telemetry_path: str = "/metrics"
    """Path of the exposition."""
    config_file: str = ""
    """Web configuration in the format of exporter-toolkit: encryption, passwords, headers; empty: none."""
    token_review: bool = False
    """Ask the Kubernetes API whether the bearer token of a request may read the metrics."""
    reuse_s: float = 0.5
    """A whole reading that is no older is given to the next request too, in seconds; 0: each request reads anew."""


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """Whether pods are watched through the Kubernetes API, and for which node."""

    enabled: bool = False
    """Watch the API for the pods of this node; without it names come from the container log folder."""
    node_name: str = ""
    """Name of this node as the API knows it; required for the watch."""


@dataclass(frozen=True, slots=True)
class Kubelet:
    """How the kubelet of this node is asked; only the collector ``volumes`` does."""

    address: str = ""
    """Address of this node; without it the kubelet cannot be asked."""
    port: int = 10250
    """TCP port of the kubelet."""
    ca_file: str = ""
    """Certificates that vouch for the kubelet; empty: those of the cluster."""
    insecure_skip_verify: bool = False
    """Show the token to whoever answers at the kubelet's address, without checking its certificate."""


@dataclass(frozen=True, slots=True)
class Log:
    """How the exporter logs to standard error."""

    level: str = "info"
    """Least severity that is written: debug, info, warning or error."""
    format: str = "auto"
    """json, console, or auto: console on a terminal and json elsewhere."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one exporter process."""

    web: Web = field(default_factory=Web)
    roots: Roots = field(default_factory=Roots)
    kubernetes: Kubernetes = field(default_factory=Kubernetes)
    kubelet: Kubelet = field(default_factory=Kubelet)
    log: Log = field(default_factory=Log)
    cgroup_include: str = ""
    """Regular expression: cgroups whose whole path it matches get series although they are neither pod nor container."""
    collectors: tuple[str, ...] = ()
    """Names of the collectors that run, in the order of the registered list."""
