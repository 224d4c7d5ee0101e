"""What one run is about, as a tar that the machine unpacks over its root: the tree's code, configuration, keys and pods.

It is made anew for each run, in a second; the disk with what rarely changes is kept.
"""

import importlib.util
import json
import marshal
import struct
import sys
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from demo.cluster import config
from demo.cluster.pki import write_pki
from demo.vm import pods
from demo.vm.places import CODE, IMAGES, PYTHON, PYTHON_VERSION, RUN, inner_layout
from demo.wheels import TREE

Json = dict[str, Any]
_EVERYTHING_PORT = 9110
_CODE = ("exporters", "demo/__init__.py", "demo/vm/__init__.py", "demo/vm/guest")


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is mounted, how long and how often is scraped; `deadline_s` bounds each wait before."""

    scrape_s: float = 45.0
    round_s: float = 1.0
    kubelet_round_s: float = 9.0
    deadline_s: float = 240.0
    is_hybrid: bool = False
    """Version 1 with version 2 beside it, in place of version 2 alone."""


def write_inputs(target: Path, scratch: Path, schedule: Schedule, collectors: Sequence[str]) -> None:
    """Write the tar; `scratch` is a folder for the keys."""
    write_pki(scratch / "pki")
    manifests = pods.all_pods()
    files = {
        f"{CODE}/plan.json": json.dumps(_plan(schedule, manifests, collectors)),
        f"{RUN}/config/containerd.toml": config.containerd(inner_layout(), "overlayfs"),
        f"{RUN}/config/cni/10-foresail.conflist": _cni(),
        f"{RUN}/config/kubelet.yaml": _kubelet(schedule),
        f"{RUN}/config/resolv.conf": "options timeout:1 attempts:1\n",
        f"{RUN}/account/token": "static pods need no account",
        f"{RUN}/account/ca.crt": (scratch / "pki" / "ca.crt").read_text(encoding="ascii"),
        f"{RUN}/scratch/.keep": "",
        "/etc/hosts": "127.0.0.1 localhost\n",
        "/etc/machine-id": "f0e1d2c3b4a5968778695a4b3c2d1e0f\n",
        **{f"{RUN}/pods/{pod['metadata']['name']}.json": json.dumps(pod) for pod in manifests},
    }
    with tarfile.open(target, "w") as archive:
        for name in _CODE:
            archive.add(TREE / name, f".{CODE}/{name}", filter=_plain)
        for source in _sources():
            _add(
                archive,
                f".{CODE}/{source.parent.relative_to(TREE)}/__pycache__/{source.stem}.cpython-311.pyc",
                compiled(source),
            )
        archive.add(scratch / "pki", f".{RUN}/pki", filter=_plain)
        for path, text in files.items():
            _add(archive, f".{path}", text.encode())


def _sources() -> Iterator[Path]:
    """List what the machine's Python imports, if this one compiles for it."""
    if sys.version_info[:2] == PYTHON_VERSION:
        yield from (path for name in _CODE if (TREE / name).is_dir() for path in sorted((TREE / name).rglob("*.py")))


def compiled(source: Path) -> bytes:
    """Compile a module to what is taken without a look at its source (PEP 552, unchecked): the machine may be slow."""
    code = compile(source.read_bytes(), str(source), "exec", dont_inherit=True)
    return (
        importlib.util.MAGIC_NUMBER
        + struct.pack("<L", 1)
        + importlib.util.source_hash(source.read_bytes())
        + marshal.dumps(code)
    )


def _plan(schedule: Schedule, manifests: Sequence[Json], collectors: Sequence[str]) -> Json:
    layout = inner_layout()
    names = [pod["metadata"]["name"] for pod in manifests]
    kubelet = [
        str(layout.bin / "kubelet"),
        f"--config={layout.config / 'kubelet.yaml'}",
        "--hostname-override=node1",
        f"--node-ip={pods.NODE_IP}",
        f"--root-dir={layout.run / 'kubelet'}",
        f"--cert-dir={layout.run / 'kubelet' / 'pki'}",
        f"--containerd={layout.containerd_socket}",
    ]
    return {
        "hybrid": schedule.is_hybrid,
        "containerd": ["/usr/bin/containerd", "-c", str(layout.config / "containerd.toml")],
        "containerd_socket": str(layout.containerd_socket),
        "import": ["ctr", "--address", str(layout.containerd_socket), "--namespace", "k8s.io", "images", "import"],
        "images": [f"{IMAGES}/pause.tar", f"{IMAGES}/work.tar"],
        "kubelet": kubelet,
        "kubelet_address": f"{pods.NODE_IP}:10250",
        "pki": str(layout.pki),
        "relay_address": [pods.NODE_IP, pods.RELAY_PORT],
        "swap": "/dev/vdd",
        "swapped": pods.SWAPPED,
        "sink_port": pods.SINK_PORT,
        "exporter": pods.EXPORTER,
        "exporter_port": pods.EXPORTER_PORT,
        "pods": names,
        # The containers that the kubelet must have read before it is asked; one that dies all the time it may not catch.
        "containers": [name for name in pods.containers_of(manifests) if name != "victim"],
        "everything": [
            *pods.START_EXPORTER,
            f"--web.listen-address=127.0.0.1:{_EVERYTHING_PORT}",
            "--no-kubernetes",
            *(f"--collector.{name}" for name in collectors),
        ],
        "everything_address": ["127.0.0.1", _EVERYTHING_PORT],
        "everything_path": f"{CODE}:{PYTHON}",
        "uid": pods.UID,
        "scrape_s": schedule.scrape_s,
        "round_s": schedule.round_s,
        "kubelet_round_s": schedule.kubelet_round_s,
        "deadline_s": schedule.deadline_s,
    }


def _cni() -> str:
    """Render the network of the embedded cluster's pods, without the ports of the host that no pod here asks for."""
    network = json.loads(config.cni(inner_layout()))
    return json.dumps({**network, "plugins": [one for one in network["plugins"] if one["type"] == "bridge"]})


def _kubelet(schedule: Schedule) -> str:
    """Render the configuration of the embedded cluster's kubelet, for one that has no API server."""
    changed = {
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": str(inner_layout().pki / "ca.crt")},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "staticPodPath": f"{RUN}/pods",
        "failCgroupV1": not schedule.is_hybrid,
        # Else the kernel ends the whole container with the first process, and its count of kills with it.
        "singleProcessOOMKill": True,
        "fileCheckFrequency": "1s",
        # Nobody asks for volumes there, and counting what they hold takes an emulated processor long.
        "volumeStatsAggPeriod": "5m",
    }
    return json.dumps({**json.loads(config.kubelet(inner_layout())), **changed}, indent=2)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if "__pycache__" in member.name:
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    member.mode = 0o644
    archive.addfile(member, BytesIO(content))
