"""Which network namespaces there are, whom each belongs to, and where its files are.

All containers of a pod share one network namespace, so one process of the pod is asked and the answer belongs to the
pod: it is labelled as the sandbox, with no container, as the kubelet does. The host's namespace, which is that of
process 1, belongs to the root; pods with hostNetwork are in it and do not repeat it, and neither does a namespace that
was told already.

Where process 1 is hidden (/proc mounted with hidepid) the host's namespace is that of this process, if it runs outside
every container, and that of a pod of which the API says that it has hostNetwork. Without both a pod with hostNetwork
cannot be told from others.

The link that names a namespace may not be read without rights, but a file below /proc/<pid>/net has another inode in
each namespace and the same one for all processes in it.
"""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporters.cgroup.host import count
from exporters.cgroup.identity import Kind
from exporters.cgroup.parse import Malformed
from exporters.cgroup.processes import is_outside_containers
from exporters.cgroup.tables import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from exporters.cgroup.processes import Process
    from exporters.collectors.contract import Scrape, Target
    from exporters.collectors.roster import Roster

_HOST_PID = "1"
_OWN_PID = "self"


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace, seen through one process in it."""

    shown_as: Target
    """The cgroup whose labels its series carry."""
    folder: str
    """The folder ``net`` of the process. Files in it must not be kept open: they keep the namespace alive."""
    dev: int
    """A descriptor of the file ``dev`` in it, which is closed when the next namespace is asked for."""

    @property
    def is_host(self) -> bool:
        """It is that of the machine itself."""
        return self.shown_as.cgroup.identity.kind is Kind.ROOT


def namespaces(scrape: Scrape) -> Iterator[Namespace]:
    """Yield each network namespace once, the host's first; raises OSError when /proc cannot be listed."""
    told: set[int] = set()
    yield from _new(scrape, _HOST_PID, scrape.root, told)
    if not told and is_outside_containers(scrape.procfs):
        yield from _new(scrape, _OWN_PID, scrape.root, told)
    for shown_as, containers in scrape.in_time(_groups(scrape.targets)):
        process = _first_process(scrape, containers)
        if process is None:
            scrape.tally.absent += 1
        else:
            is_hosts = scrape.names.is_on_host_network(shown_as.cgroup.identity.pod_uid)
            yield from _new(scrape, str(process.pid), scrape.root if is_hosts else shown_as, told)


def _new(scrape: Scrape, pid: str, shown_as: Target | None, told: set[int]) -> Iterator[Namespace]:
    """Yield the namespace of a process unless it was told already; finding its file takes most of the time of reading it."""
    folder = f"{scrape.procfs}/{pid}/net"
    try:
        dev = os.open(f"{folder}/dev", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:  # mostly the process ended; another is asked at the next scrape
        count(error, f"cannot read {folder}/dev", scrape.tally)
        return
    try:
        inode = os.fstat(dev).st_ino
        if inode not in told:
            told.add(inode)
            if shown_as is not None:
                yield Namespace(shown_as, folder, dev)
    finally:
        os.close(dev)


def read_rows(scrape: Scrape, path: str, take: Callable[[bytes], None]) -> bool:
    """Hand the rows of a table to ``take``, piece by piece; False if it could not be read to its end, which is counted.

    The number of rows is nothing that we choose, so the time of the scrape is looked at before each piece.
    """
    try:
        with closing(rows(path)) as pieces:
            for piece in pieces:
                if scrape.is_late():
                    scrape.tally.late += 1
                    return False
                take(piece)
    except OSError as error:
        count(error, f"cannot read {path}", scrape.tally)
        return False
    except Malformed as error:
        scrape.tally.fail(f"{path}: {error}")
        return False
    return True


def _groups(targets: Roster) -> Sequence[tuple[Target, Sequence[Target]]]:
    return _all(targets) if any(target.is_gone for target in targets) else targets.once(_all)


def _all(targets: Sequence[Target]) -> Sequence[tuple[Target, Sequence[Target]]]:
    return tuple(_sharers(targets))


def _sharers(targets: Sequence[Target]) -> Iterator[tuple[Target, Sequence[Target]]]:
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
            yield target, (target,)
    for members in pods.values():
        members.sort(key=_age)
        containers = [one for one in members if one.cgroup.identity.kind is Kind.CONTAINER]
        sandbox = next((one for one in containers if not one.name.container), None)
        yield sandbox or members[0], containers


def _age(target: Target) -> tuple[bool, int]:
    """Order the pod before its containers and those by birth: the kernel numbers cgroups as they are made."""
    return target.cgroup.identity.kind is Kind.CONTAINER, target.cgroup.inode


def _first_process(scrape: Scrape, containers: Sequence[Target]) -> Process | None:
    for container in containers:
        for process in scrape.processes.of(container.cgroup.identity.container_id or "", container.cgroup.path):
            if scrape.processes.is_running(process):
                return process
    return None
