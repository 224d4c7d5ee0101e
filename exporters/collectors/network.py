"""Traffic of each pod's network interfaces.

All containers of a pod share one network namespace, so one process of the pod is asked and the answer belongs to the
pod: it is labelled as the sandbox, with no container, as the kubelet does. A namespace that was already told is not
told again, and neither is the host's, which pods with hostNetwork share: node_exporter has those interfaces.
Interfaces that only lead to other namespaces of this node (lo, veth, docker, nerdctl) are left out.

The file is opened and closed each time: a kept descriptor would keep the network namespace of a dead pod alive.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from exporters.cgroup.files import read_once
from exporters.cgroup.identity import Kind as CgroupKind
from exporters.cgroup.parse import Interface, Malformed, interfaces
from exporters.collectors.contract import Collector, Family, Kind, Samples, Scrape, Target, labelled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporters.cgroup.processes import Process

_LEFT_OUT = ("lo", "veth", "docker", "nerdctl")
_HOST_PID = 1


def _family(direction: str, what: str, unit: str) -> Family:
    return Family(
        f"container_network_{direction}_{what}_total",
        Kind.COUNTER,
        f"{unit} since the interface was made, of the pod's network namespace (/proc/<pid>/net/dev).",
    )


RECEIVE_BYTES = _family("receive", "bytes", "Bytes received")
RECEIVE_PACKETS = _family("receive", "packets", "Packets received")
RECEIVE_ERRORS = _family("receive", "errors", "Errors while receiving")
RECEIVE_DROPPED = _family("receive", "packets_dropped", "Packets dropped while receiving")
TRANSMIT_BYTES = _family("transmit", "bytes", "Bytes sent")
TRANSMIT_PACKETS = _family("transmit", "packets", "Packets sent")
TRANSMIT_ERRORS = _family("transmit", "errors", "Errors while sending")
TRANSMIT_DROPPED = _family("transmit", "packets_dropped", "Packets dropped while sending")


def collect(scrape: Scrape) -> None:
    """Read each network namespace once."""
    told = {_namespace(scrape.procfs, _HOST_PID)}
    for shown_as, container_ids in _sharers(scrape.targets):
        process = _first_process(scrape, container_ids)
        if process is None:
            scrape.tally.absent += 1
            continue
        namespace = _namespace(scrape.procfs, process.pid)
        if namespace is None or namespace in told:
            continue
        told.add(namespace)
        _read(scrape, shown_as, process)


def _sharers(targets: Sequence[Target]) -> Iterator[tuple[Target, Sequence[str]]]:
    """Yield each group of containers that share a network namespace: whom to show it as, and whom to ask, in order.

    The sandbox is the oldest container of a pod and has no name of its own. A runtime may do without one; then the
    pod's own cgroup stands for it.
    """
    pods: dict[str, list[Target]] = {}
    for target in targets:
        if target.is_gone:
            continue
        uid = target.cgroup.identity.pod_uid
        if uid is not None:
            pods.setdefault(uid, []).append(target)
        elif target.cgroup.identity.container_id is not None:
            yield target, (target.cgroup.identity.container_id,)
    for members in pods.values():
        members.sort(key=_age)
        containers = [one for one in members if one.cgroup.identity.kind is CgroupKind.CONTAINER]
        sandbox = next((one for one in containers if not one.name.container), None)
        yield sandbox or members[0], [one.cgroup.identity.container_id or "" for one in containers]


def _age(target: Target) -> tuple[bool, int]:
    """Order the pod before its containers and those by birth: the kernel numbers cgroups as they are made."""
    return target.cgroup.identity.kind is CgroupKind.CONTAINER, target.cgroup.inode


def _first_process(scrape: Scrape, container_ids: Sequence[str]) -> Process | None:
    for container_id in container_ids:
        for process in scrape.processes.of(container_id):
            if scrape.processes.is_running(process):
                return process
    return None


def _namespace(procfs: str, pid: int) -> int | None:
    """Identify the network namespace of a process; the link that names it may not be read without rights."""
    try:
        return os.lstat(f"{procfs}/{pid}/net/dev").st_ino
    except OSError:
        return None


def _read(scrape: Scrape, shown_as: Target, process: Process) -> None:
    path = f"{scrape.procfs}/{process.pid}/net/dev"
    try:
        found = interfaces(read_once(path))
    except OSError:
        scrape.tally.absent += 1  # the process ended; another is asked at the next scrape
        return
    except Malformed as error:
        scrape.tally.fail(f"{path}: {error}")
        return
    for interface in found:
        if not interface.name.lower().startswith(_LEFT_OUT):
            _add(scrape.samples, f"{shown_as.labels},{labelled(interface=interface.name)}", interface)


def _add(samples: Samples, labels: str, interface: Interface) -> None:
    samples.add(RECEIVE_BYTES, labels, interface.receive_bytes)
    samples.add(RECEIVE_PACKETS, labels, interface.receive_packets)
    samples.add(RECEIVE_ERRORS, labels, interface.receive_errors)
    samples.add(RECEIVE_DROPPED, labels, interface.receive_dropped)
    samples.add(TRANSMIT_BYTES, labels, interface.transmit_bytes)
    samples.add(TRANSMIT_PACKETS, labels, interface.transmit_packets)
    samples.add(TRANSMIT_ERRORS, labels, interface.transmit_errors)
    samples.add(TRANSMIT_DROPPED, labels, interface.transmit_dropped)


COLLECTOR = Collector(
    name="network",
    help="Traffic of each pod's interfaces",
    families=(
        RECEIVE_BYTES,
        RECEIVE_PACKETS,
        RECEIVE_ERRORS,
        RECEIVE_DROPPED,
        TRANSMIT_BYTES,
        TRANSMIT_PACKETS,
        TRANSMIT_ERRORS,
        TRANSMIT_DROPPED,
    ),
    collect=collect,
)
