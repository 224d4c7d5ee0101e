"""Judges scrapes of the kubelet by scrapes of the exporter around them.

The kubelet answers from samples of up to its housekeeping interval ago (10 to 20 s) and says of each when it was read. So its
value is held against the exporter's values just before and just after that very moment: a counter must lie between them, a
gauge too or within a tolerance. A cgroup is judged only while it lives through all of this.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from demo.parity.differences import Difference, Side
from demo.parity.exposition import Sample, Scrape, Series, about_containers

_MIB = 1 << 20
_GROWING = ("container_last_seen",)
"""Gauges that are compared like counters, for they never stand still."""
_ROOM = {"container_last_seen": 1.0, "container_start_time_seconds": 2.0, "container_fs_io_current": 32.0}
"""What the kubelet tells in whole seconds; of version 1 it takes the birth in the tree where a cgroup was made first.

How many requests a disk has at one moment says nothing of the next.
"""
_SINCE_FOUND = ("container_oom_events_total",)
"""Counters that the kubelet begins when it finds the container, seconds after its start, and the kernel with the cgroup."""
_OPENED = ("container_file_descriptors", "container_processes", "container_sockets", "container_threads")
"""Counts of what a container opens for each request and closes after it."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is held to be the same."""

    differences: Sequence[Difference]
    """Those in force."""
    slack_s: float = 0.5
    """How much earlier or later than it says a value may have been read."""
    settle_s: float = 25.0
    """How long before and after the kubelet's scrape a cgroup must be there, as far as there are scrapes."""
    ratio: float = 0.02
    """A steady gauge may differ by this share,"""
    bytes_: float = 4 * _MIB
    """or if it counts bytes by so many, whichever is more."""
    root_ratio: float = 0.1
    """The same for memory of the root, which is added up from other files than the kubelet's."""
    is_steady: Callable[[Series], bool] = lambda _series: True
    """Gauges of the others are held against the range of all scrapes."""
    opened: float = 0.0
    """How many files, sockets, threads or processes a pod may have opened and closed between two scrapes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One series that is not the same."""

    side: Side
    series: Series
    words: str
    because: Difference | None
    """None when no row explains it."""

    def __str__(self) -> str:
        """Say it in a line."""
        return f"{self.series}: {self.side.value}: {self.words}"


@dataclass(slots=True)
class Verdict:
    """What came of a comparison."""

    same: dict[str, int] = field(default_factory=dict)
    """How many series of each family were found equal."""
    beyond: dict[str, int] = field(default_factory=dict)
    """How many series there are of families that the kubelet does not have, or of containers that have ended."""
    findings: list[Finding] = field(default_factory=list)
    unsettled: set[str] = field(default_factory=set)
    """Cgroups that came or went meanwhile."""
    unjudged: list[Series] = field(default_factory=list)
    """Read by the kubelet before the exporter was asked for the first time."""

    def unexplained(self) -> list[Finding]:
        """Return what is a fault of one of them."""
        return [finding for finding in self.findings if finding.because is None]


def compare(kubelet: Sequence[Scrape], ours: Sequence[Scrape], number: int, terms: Terms) -> Verdict:
    """Compare the kubelet's scrape `number`; both lists are in order of time, with one of ours before and one after it."""
    theirs = kubelet[number]
    before = [scrape for scrape in ours if scrape.ended_s <= theirs.begun_s]
    after = [scrape for scrape in ours if scrape.begun_s >= theirs.ended_s]
    if not before or not after:
        raise ValueError("the exporter was not scraped both before and after the kubelet")
    verdict = Verdict()
    for source in (kubelet, ours):
        verdict.unsettled |= _unsettled([one for one in source if _is_near(one, theirs, terms.settle_s)])
    judge = _Judge(theirs, kubelet, ours, terms, verdict)
    near = before[-1], after[0]
    everything = {*about_containers(theirs), *about_containers(near[0]), *about_containers(near[1])}
    there = theirs.ids | near[0].ids | near[1].ids
    for series in sorted(everything, key=str):
        if series["id"] and series["id"] not in there:
            _count(verdict.beyond, series)
        elif series["id"] not in verdict.unsettled:
            judge.series(series, theirs.samples.get(series), [one.samples[series] for one in near if series in one.samples])
    return verdict


def _is_near(scrape: Scrape, other: Scrape, settle_s: float) -> bool:
    return scrape.ended_s >= other.begun_s - settle_s and scrape.begun_s <= other.ended_s + settle_s


def _unsettled(scrapes: Sequence[Scrape]) -> frozenset[str]:
    """Return the cgroups that are in some of these scrapes, not in all."""
    ids = [scrape.ids for scrape in scrapes]
    return frozenset().union(*ids) - ids[0].intersection(*ids)


@dataclass(frozen=True, slots=True)
class _Judge:
    kubelet: Scrape
    theirs: Sequence[Scrape]
    ours: Sequence[Scrape]
    terms: Terms
    verdict: Verdict

    def series(self, series: Series, theirs: Sample | None, near: Sequence[Sample]) -> None:
        """Judge one series that either has; `near` are the exporter's two nearest samples, if it has them."""
        if theirs is None and series.name not in self.kubelet.kinds:
            _count(self.verdict.beyond, series)
        elif theirs is None:
            value = self._before(series)
            if value is not None:
                self._find(Side.OURS, series, value, f"exporter {value:g}")
        elif not near:
            self._find(Side.KUBELET, series, theirs.value, f"kubelet {theirs.value:g}")
        else:
            self._both(series, theirs, near[0])

    def _both(self, series: Series, theirs: Sample, own: Sample) -> None:
        if theirs.free != own.free:
            self._find(Side.LABEL, series, theirs.value, f"kubelet {theirs.free}, exporter {own.free}")
        kind, own_kind = self.kubelet.kinds.get(series.name), self._own_kind(series.name)
        if kind != own_kind:
            self._find(Side.VALUE, series, theirs.value, f"the kubelet says {kind}, the exporter {own_kind}")
        grows = kind == "counter" or series.name in _GROWING
        values = self._around(series, theirs, grows=grows)
        room = self._room(series, theirs.value, grows=grows)
        if not values:
            self.verdict.unjudged.append(series)
        elif min(values) - room - self._missed(series) <= theirs.value <= max(values) + room:
            _count(self.verdict.same, series)
        else:
            words = f"kubelet {theirs.value:.10g}, exporter {min(values):.10g} to {max(values):.10g}"
            self._find(Side.VALUE, series, theirs.value, words)

    def _before(self, series: Series) -> float | None:
        """Return what the exporter had when the kubelet last read the cgroup; None if it had nothing, so it is new."""
        stamps = [one.at_s for other, one in self.kubelet.samples.items() if other["id"] == series["id"] and one.at_s]
        moment_s = min([self.kubelet.begun_s, *stamps]) - self.terms.slack_s
        before = [scrape for scrape in self.ours if scrape.ended_s <= moment_s]
        sample = before[-1].samples.get(series) if before else None
        return None if sample is None else sample.value

    def _own_kind(self, name: str) -> str | None:
        return next((scrape.kinds[name] for scrape in reversed(self.ours) if name in scrape.kinds), None)

    def _around(self, series: Series, theirs: Sample, *, grows: bool) -> list[float]:
        """Return the exporter's values about the kubelet's moment; none when that was before the exporter was asked."""
        first_s = (theirs.at_s or self.kubelet.begun_s) - self.terms.slack_s
        last_s = (theirs.at_s or self.kubelet.ended_s) + self.terms.slack_s
        have = [(scrape, scrape.samples[series].value) for scrape in self.ours if series in scrape.samples]
        lows = [number for number, (scrape, _) in enumerate(have) if scrape.ended_s <= first_s]
        highs = [number for number, (scrape, _) in enumerate(have) if scrape.begun_s >= last_s]
        if not lows:
            return []
        # Nothing after it: the sample is as new as the last scrape.
        until = highs[0] + 1 if highs else len(have)
        is_restless = not grows and not self.terms.is_steady(series)
        if not is_restless:
            return [value for _, value in have[lows[-1] : until]]
        return [*(value for _, value in have), *self._peaks(series)]

    def _missed(self, series: Series) -> float:
        """Return how much at most happened before the kubelet began to count, by the exporter just after its first sample."""
        if series.name not in _SINCE_FOUND:
            return 0.0
        scrape, first = next((scrape, scrape.samples[series]) for scrape in self.theirs if series in scrape.samples)
        since_s = (first.at_s or scrape.ended_s) + self.terms.slack_s
        later = (one.samples[series].value for one in self.ours if one.begun_s >= since_s and series in one.samples)
        return max(0.0, next(later, first.value) - first.value)

    def _peaks(self, series: Series) -> list[float]:
        """Return up to what a cgroup's memory went, though no scrape saw it."""
        if not series.name.startswith("container_memory_"):
            return []
        peak = replace(series, name="container_memory_max_usage_bytes")
        return [scrape.samples[peak].value for scrape in self.ours if peak in scrape.samples]

    def _room(self, series: Series, value: float, *, grows: bool) -> float:
        """Return how far beyond the bounds a value may lie."""
        name = series.name
        rounding = 1e-6 * max(1.0, abs(value))  # nanoseconds against microseconds, and what a text keeps of a float
        if name in _ROOM:
            return _ROOM[name]
        if grows or name.startswith(("container_spec_", "machine_")):
            return rounding
        is_memory = name.startswith("container_memory_")
        ratio = self.terms.root_ratio if is_memory and series["id"] == "/" else self.terms.ratio
        if name in _OPENED and series["pod"]:
            return max(ratio * abs(value), self.terms.opened)
        return max(ratio * abs(value), self.terms.bytes_ if is_memory or name.endswith("_bytes") else rounding)

    def _find(self, side: Side, series: Series, value: float, words: str) -> None:
        covering = (row for row in self.terms.differences if row.covers(side, series, value))
        self.verdict.findings.append(Finding(side, series, words, next(covering, None)))


def _count(counts: dict[str, int], series: Series) -> None:
    counts[series.name] = counts.get(series.name, 0) + 1
