"""The load of all workloads over weeks: recorded by a rule where there is such a rule, else worked out from raw series.

A recorded series has one value a minute of each workload where the raw ones have several of each container, and a join. So it
is asked first. Raw series are read where nothing at all was recorded, as before the rules came, or while Prometheus did not
evaluate them; and for the newest quarter of an hour, as what is recorded lags behind by an evaluation and a longer window.
The rules take rates over two minutes, whatever `prometheus.rate_window_s` is: both are taken for the same load.

Usage of CPU that ran into a limit is not what was wanted (`lifted`). Recorded usage is lifted by what was recorded of
throttling beside it, raw usage by raw; what nobody tells lifts nothing.
"""

import math
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoscaler.clients import queries
from autoscaler.clients.grid import Grid
from autoscaler.clients.ranges import Answer, Question, Ranges
from autoscaler.model import Floats, WorkloadKey

FRESH_S = 900.0  # what is newer is read from raw series
NEAR_S = 3600.0  # gaps of what is recorded that are nearer to each other are filled by one question
LIFTED_FROM = 0.05  # share of periods; less is a burst within a period now and then, which any limit cuts
LIFTED_TO = 0.5  # a share of periods tells how often, not how much was missing: no more than twice the usage is made of it

Loads = dict[WorkloadKey, Floats]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is read: cpu (cores) or memory (bytes) of every workload, of one namespace where one is named."""

    resource: str
    grid: Grid
    source: queries.Source
    namespace: str = ""
    lift: bool = True


@dataclass(frozen=True, slots=True)
class _Queries:
    """One way to read usage and throttling."""

    kind: str
    usage: str
    throttled: str


async def past(ranges: Ranges, wanted: Wanted) -> AsyncIterator[tuple[Grid, Loads]]:
    """Yield the load of every workload on each part of the grid, the newest first; NaN where it is not known."""
    recorded, raw = _recorded(wanted), _raw(wanted)
    fresh = wanted.grid.newest(math.ceil(FRESH_S / wanted.grid.step_s))
    series = 0
    async for part, loads in _read(ranges, raw, wanted, fresh, 0):
        series = max(series, len(loads))
        yield part, loads
    async for part, loads in _read(ranges, recorded, wanted, wanted.grid.before(fresh), series):
        unknown = _unknown(loads, part)
        for gap in part.spans(unknown, math.ceil(NEAR_S / part.step_s)):
            async for span, found in _read(ranges, raw, wanted, gap, series):
                _fill(loads, found, unknown, part.place(span))
        series = max(series, len(loads))
        yield part, loads


def lifted(usage: Floats, share: Floats) -> Floats:
    """Return the CPU that was wanted, by usage and the share of CFS periods that were throttled; both of shape (points,).

    In a throttled period all of the quota was used and more was wanted (nr_throttled of the kernel's CFS bandwidth control). So
    what was wanted is taken from the periods that were not cut: usage / (1 - share). A share that is not known lifts nothing.
    """
    known = np.nan_to_num(share, nan=0.0)
    return np.where(known > LIFTED_FROM, usage / (1 - np.clip(known, 0, LIFTED_TO)), usage)


async def _read(ranges: Ranges, asked: _Queries, wanted: Wanted, grid: Grid, series: int) -> AsyncIterator[tuple[Grid, Loads]]:
    """Yield the load on each part of a grid by one way to read it."""
    async for part, answer in ranges.read(Question(f"{asked.kind}_history", asked.usage, series), grid):
        loads = _by_workload(answer)
        if loads and wanted.lift and wanted.resource == "cpu":
            throttled = Question(f"{asked.kind}_throttled", asked.throttled, len(loads))
            async for span, shares in ranges.read(throttled, part):
                _lift(loads, _by_workload(shares), part.place(span))
        yield part, loads


def _recorded(wanted: Wanted) -> _Queries:
    window_s = math.ceil(wanted.grid.step_s)
    usage = queries.recorded(queries.RECORDED_USAGE[wanted.resource], window_s, wanted.namespace)
    return _Queries("recorded", usage, queries.recorded(queries.RECORDED_THROTTLED, window_s, wanted.namespace))


def _raw(wanted: Wanted) -> _Queries:
    usage = queries.workload_usage(wanted.resource, wanted.source, wanted.namespace)
    return _Queries("workload", usage, queries.workload_throttled(wanted.source, wanted.namespace))


def _by_workload(answer: Answer) -> Loads:
    """Return the series that say whose they are; pods may be nobody's."""
    named = ((queries.workload_of(labels), values) for labels, values in answer)
    return {key: values for key, values in named if key is not None}


def _unknown(loads: Mapping[WorkloadKey, Floats], part: Grid) -> Flags:
    """Return where no workload at all has a load, of shape (points,)."""
    known = np.zeros(part.points, dtype=np.bool_)
    for values in loads.values():
        known |= np.isfinite(values)
    return ~known


def _lift(loads: Loads, shares: Loads, place: slice) -> None:
    for key in loads.keys() & shares.keys():
        loads[key][place] = lifted(loads[key][place], shares[key])


def _fill(loads: Loads, found: Loads, unknown: Flags, place: slice) -> None:
    """Put raw loads where nothing was recorded; `place` is theirs among the points of `unknown`."""
    for key, values in found.items():
        whole = loads.setdefault(key, np.full(unknown.size, np.nan))
        whole[place] = np.where(unknown[place], values, whole[place])
