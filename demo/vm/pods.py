"""The static pods of the machine: one of each quality of service, each with figures that move in a known way.

Their programs are the machine's own Python, mounted into containers of a tiny image: no image of hundreds of megabytes has to
be carried into a machine without a network.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from demo.vm.places import CODE, PYTHON, RUN

Json = dict[str, Any]
IMAGE = "localhost/foresail/work:1"
EXPORTER = "exporter"
EXPORTER_PORT = 9109
UID = 65534
NODE_IP = "10.99.0.1"
RELAY_PORT = 6443
SINK_PORT = 7000
RESTLESS = "short-of-memory"
"""The pod whose containers are ended for their memory again and again."""
SWAPPED = "swapped"
"""The container whose memory the session pushes out: the kubelet gives static pods no swap."""
SCRATCH = str(RUN / "scratch")
ACCOUNT = str(RUN / "account")
_ACCOUNT_INSIDE = "/var/run/secrets/kubernetes.io/serviceaccount"
# Where the machine's own programs are, and where a program expects to find them.
_PROGRAMS = {"/usr": "/usr", "/usr/lib": "/lib", "/usr/lib64": "/lib64", "/usr/bin": "/bin", "/opt/foresail": "/opt/foresail"}
_PYTHON = "/usr/bin/python3"
START_EXPORTER = (_PYTHON, "-c", "from exporters.entry import main; main()")


@dataclass(frozen=True, slots=True)
class Container:
    """One container; `mounts` are the machine's folders and where the container sees them, and whether it may write."""

    name: str
    command: Sequence[str] = ()
    resources: Json = field(default_factory=dict)
    mounts: Mapping[str, tuple[str, bool]] = field(default_factory=dict)
    more: Json = field(default_factory=dict)


def all_pods() -> list[Json]:
    """Return the manifests."""
    own = {SCRATCH: ("/scratch", True)}
    return [
        _pod("guaranteed", _works("spin", ("spin",), _limits("100m", "32Mi", requests=("100m", "32Mi")))),
        _pod(
            "burstable",
            _works("steady", ("steady", "/scratch"), _limits("500m", "256Mi", requests=("50m", "96Mi")), own),
            _works("write", ("write", "/scratch"), {"requests": {"memory": "16Mi"}}, own),
            _works(SWAPPED, ("hold", "24"), _limits(None, "64Mi", requests=("10m", "32Mi"))),
        ),
        _pod("besteffort", _works("send", ("send", f"{NODE_IP}:{SINK_PORT}"))),
        _pod(
            RESTLESS,
            _works("survivor", ("kill_children",), _limits(None, "32Mi")),
            _works("victim", ("grow",), _limits(None, "24Mi")),
        ),
        _pod("host-network", Container("idle-on-host"), more={"hostNetwork": True}),
        exporter(),
    ]


def exporter() -> Json:
    """Return the exporter's pod, with the rights and the mounts that the chart's DaemonSet gives it."""
    mounts = {
        "/proc": ("/host/proc", False),
        "/sys/fs/cgroup": ("/host/sys/fs/cgroup", False),
        "/var/log/containers": ("/host/var/log/containers", False),
        ACCOUNT: (_ACCOUNT_INSIDE, False),
    }
    env = {
        "PYTHONPATH": f"{CODE}:{PYTHON}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "KUBERNETES_SERVICE_HOST": NODE_IP,
        "KUBERNETES_SERVICE_PORT": str(RELAY_PORT),
        "NODE_NAME": "node1",
    }
    rights = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    paths = [
        "--path.procfs=/host/proc",
        "--path.cgroupfs=/host/sys/fs/cgroup",
        "--path.containers-log=/host/var/log/containers",
    ]
    one = Container(
        EXPORTER,
        [*START_EXPORTER, *paths],
        # Enough CPU time to start soon where there is little of it.
        _limits(None, "128Mi", requests=("300m", "48Mi")),
        {**_programs(), **mounts},
        {"env": [{"name": name, "value": value} for name, value in env.items()], "securityContext": rights},
    )
    context = {
        "runAsNonRoot": True,
        "runAsUser": UID,
        "runAsGroup": UID,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    return _pod(EXPORTER, one, more={"securityContext": context})


def containers_of(pods: Sequence[Json]) -> list[str]:
    """List the names of all containers."""
    return [container["name"] for pod in pods for container in pod["spec"]["containers"]]


def _programs() -> dict[str, tuple[str, bool]]:
    return {outside: (inside, False) for outside, inside in _PROGRAMS.items()}


def _works(
    name: str, words: Sequence[str], resources: Json | None = None, mounts: Mapping[str, tuple[str, bool]] | None = None
) -> Container:
    command = [_PYTHON, f"{CODE}/demo/vm/guest/workload.py", *words]
    return Container(name, command, resources or {}, {**_programs(), **(mounts or {})})


def _limits(cpu: str | None, memory: str, requests: tuple[str, str] | None = None) -> Json:
    limits = {"memory": memory} | ({"cpu": cpu} if cpu else {})
    return {"limits": limits} | ({"requests": dict(zip(("cpu", "memory"), requests, strict=True))} if requests else {})


def _pod(name: str, *containers: Container, more: Json | None = None) -> Json:
    volumes = sorted({outside for one in containers for outside in one.mounts})
    spec: Json = {
        "terminationGracePeriodSeconds": 0,
        "containers": [_container(one, volumes) for one in containers],
        "volumes": [{"name": f"v{number}", "hostPath": {"path": path}} for number, path in enumerate(volumes)],
        **(more or {}),
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def _container(one: Container, volumes: Sequence[str]) -> Json:
    mounts = [
        {"name": f"v{volumes.index(outside)}", "mountPath": inside, "readOnly": not may_write}
        for outside, (inside, may_write) in one.mounts.items()
    ]
    made: Json = {"name": one.name, "image": IMAGE, "imagePullPolicy": "Never", "resources": one.resources, **one.more}
    return made | {"volumeMounts": mounts} | ({"command": list(one.command)} if one.command else {})
