"""Processes that the kernel killed because memory ran out.

A kill often ends its container, and the kernel forgets the count with the cgroup, mostly before anybody has read it. The
pod's cgroup stays, and version 2 counts there what happened anywhere below. So a kill that the pod counted and none of
its living containers did belongs to the one that ended since the last scrape, if there was just one; if there were
several, only the pod tells. The last value of an ended container is shown for some more scrapes and minutes, or nobody
would see the counter rise: scrapes alone are used up by a second Prometheus or by hand, time alone by a slow one.

The kubelet reads the kernel's log instead and counts by the cgroup whose limit was hit, here it is the cgroup of the
process that was killed. Both are the container in most cases; when a pod's or the node's memory runs out, this one
still names the container that lost a process.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporters.cgroup import parse
from exporters.cgroup.columns import keyed
from exporters.cgroup.identity import Kind as CgroupKind
from exporters.collectors.contract import Collector, Family, Kind, Scrape, Table, Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exporters.cgroup.columns import Words
    from exporters.collectors.roster import Roster

EVENTS = Family(
    "container_oom_events_total",
    Kind.COUNTER,
    "Processes killed for lack of memory, still shown for 150 s and 5 scrapes after the container ended; v2 counts whatever "
    "lies below, v1 each cgroup by itself "
    "(v1 memory.oom_control oom_kill, v2 memory.events oom_kill, of the machine /proc/vmstat oom_kill).",
)
_KEY = b"oom_kill"
_MACHINE: Table = ((EVENTS, _KEY, 1),)

SHOWN_SCRAPES = 5
"""For how many scrapes an ended container is shown at least."""
SHOWN_S = 150
"""For how long at least: five scrapes at 30 seconds."""
MAX_SHOWN = 500
"""Ended containers that are shown at most."""

_Key = tuple[str, int]


@dataclass(slots=True)
class _Ended:
    """A container that is gone."""

    kills: int
    since_s: float
    """When that was seen, in seconds since 1970."""
    scrapes: int = 0
    """How often it was shown."""

    def is_due(self, now_s: float) -> bool:
        """Say whether it is to be shown again; a clock that was set back shows nothing for ever."""
        return self.scrapes < SHOWN_SCRAPES or 0 <= now_s - self.since_s < SHOWN_S


@dataclass(slots=True)
class _Living:
    """A container as of the last scrape."""

    target: Target
    kills: int


@dataclass(slots=True)
class _Pod:
    """What a pod's cgroup has counted for containers that are gone."""

    gone: int = 0
    """For those that were known."""
    explained: int | None = None
    """In all; None as long as nobody knows when it was counted."""

    def explain(self, kills: int | None, seen: int, lost: Sequence[_Living]) -> None:
        """Take what the pod has, what its living containers have, and those that ended.

        ``kills`` is None if the pod or one of the living could not be read: then nothing can be told of the others.
        """
        known = sum(container.kills for container in lost)
        if kills is not None and self.explained is not None and len(lost) == 1:
            unexplained = max(0, kills - seen - known - self.explained)
            lost[0].kills += unexplained
            known += unexplained
        self.gone += known
        # the pod is read before its containers and may not have counted the latest kills yet
        self.explained = None if kills is None else max(self.gone, kills - seen)


@dataclass(slots=True)
class _Memory:
    living: dict[_Key, _Living] = field(default_factory=dict)
    ended: dict[str, _Ended] = field(default_factory=dict)
    """By the labels of the container."""
    targets: Roster | None = None
    """Those of the last scrape, and what they told."""
    words: Words = field(default_factory=list)


def collect(scrape: Scrape) -> None:
    """Read all cgroups, then find whose the kills were that only the pod's cgroup tells of."""
    memory = scrape.notes.of(_Memory)
    name = "memory.oom_control" if scrape.targets.version("memory") == 1 else "memory.events"
    (words,) = keyed(scrape.read("memory", name), [_KEY], scrape.report)
    scrape.add(EVENTS, words)
    _tell_of_machine(scrape)
    if scrape.targets is memory.targets and words == memory.words:
        _show(scrape, memory, ())
        return  # nothing happened since the last scrape, so there is nobody to be found
    memory.targets, memory.words = scrape.targets, words
    pods: dict[str, int] = {}
    read: dict[_Key, _Living] = {}
    for target, word in zip(scrape.targets, words, strict=True):
        identity = target.cgroup.identity
        if word is None or target.is_gone:
            continue
        if identity.kind is CgroupKind.CONTAINER:
            read[_key(target)] = _Living(target, int(word))
        elif identity.kind is CgroupKind.POD and identity.pod_uid is not None:
            pods[identity.pod_uid] = int(word)
    there = {_key(target) for target in scrape.targets if not target.is_gone}
    gone = [known for key, known in memory.living.items() if key not in there]
    memory.living = {key: known for key, known in memory.living.items() if key in there} | read
    _attribute(scrape, pods, read, gone)
    _show(scrape, memory, gone)


def _key(target: Target) -> _Key:
    return target.cgroup.path, target.cgroup.inode


def _attribute(scrape: Scrape, pods: Mapping[str, int], read: Mapping[_Key, _Living], gone: Iterable[_Living]) -> None:
    """Give the kills that a pod counted and no container that is still there to the one that has gone."""
    seen = Counter[str | None]()
    for container in read.values():
        seen[container.target.cgroup.identity.pod_uid] += container.kills
    missing: dict[str | None, list[_Living]] = {}
    for container in gone:
        missing.setdefault(container.target.cgroup.identity.pod_uid, []).append(container)
    unread = {
        target.cgroup.identity.pod_uid
        for target in scrape.targets
        if target.cgroup.identity.kind is CgroupKind.CONTAINER and not target.is_gone and _key(target) not in read
    }
    for target in scrape.targets:
        uid = target.cgroup.identity.pod_uid
        if target.cgroup.identity.kind is CgroupKind.POD and not target.is_gone:
            kills = None if uid in unread else pods.get(uid or "")
            target.notes.of(_Pod).explain(kills, seen[uid], missing.get(uid, ()))


def _show(scrape: Scrape, memory: _Memory, gone: Iterable[_Living]) -> None:
    """Show those again that lost a process, unless a new cgroup has come to the same name."""
    memory.ended.update((one.target.labels, _Ended(one.kills, scrape.now_s)) for one in gone if one.kills)
    if not memory.ended:
        return
    taken = {target.labels for target in scrape.targets if not target.is_gone}
    due = [(labels, one) for labels, one in memory.ended.items() if labels not in taken and one.is_due(scrape.now_s)]
    memory.ended = dict(due[-MAX_SHOWN:])
    for labels, one in memory.ended.items():
        scrape.samples.add(EVENTS, labels, one.kills)
        one.scrapes += 1


def _tell_of_machine(scrape: Scrape) -> None:
    data = None if scrape.root is None else scrape.host.proc("vmstat", scrape.tally)
    if scrape.root is None or data is None:
        return
    try:
        scrape.samples.add_keyed(scrape.root.labels, _MACHINE, parse.keyed(data))
    except parse.Malformed as error:
        scrape.tally.fail(f"vmstat: {error}")


COLLECTOR = Collector(
    name="oom",
    help="Processes killed for lack of memory",
    families=(EVENTS,),
    collect=collect,
)
