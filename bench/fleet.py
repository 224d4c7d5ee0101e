"""What a whole fleet costs: loads kept in memory, and a tick that forecasts all of them, beside a bound and beside one by one.

    python -m bench.fleet                     10,000 series, 14 days at a minute
    python -m bench.fleet --series 1000

The loads are generated. The bound is one look of numpy at the bytes of the last day; nothing that reads them can be faster.
"""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from autoscaler.forecasting.peaks import finding, model
from autoscaler.forecasting.peaks.dates import Dates
from autoscaler.forecasting.peaks.features import Grid, Seen, features
from autoscaler.forecasting.peaks.grid import DAY_S
from autoscaler.forecasting.peaks.group import Group
from autoscaler.forecasting.peaks.kinds import Kind
from autoscaler.forecasting.peaks.loads import Loads
from autoscaler.forecasting.peaks.members import Member
from autoscaler.forecasting.peaks.model import PeakModel
from autoscaler.forecasting.peaks.now import Own, features_now
from autoscaler.forecasting.peaks.packed import unpack
from autoscaler.model import Floats, History
from bench.measure import rss_bytes

STEP_S = 60.0
DAY = round(DAY_S / STEP_S)  # points
POINTS = 14 * DAY + 60  # two weeks, and what lies around their beginning
END_S = 1_799_971_200.0  # a midnight
GRID = Grid(END_S - (POINTS - 1) * STEP_S, STEP_S, 2, 4)
KIND = Kind(step_s=STEP_S, start=GRID.last - 1, window_s=300.0, day_s=DAY_S, quantile=0.95, earned=False)
_TEACHERS, _ALONE = 64, 5  # series: that the model learns from, that are forecast one by one
_FLOOR = 0.3  # of what a pod serves
_BATCH = 100  # series that are generated at once
_AGAIN = 3  # points that each tick tells anew: samples arrive late
_KIB = 1024

app = typer.Typer(add_completion=False, help=__doc__, rich_markup_mode=None)


@dataclass(frozen=True, slots=True)
class Tick:
    """CPU seconds of what a tick does for all series."""

    append: float
    features: float
    rises: float
    group: float  # the service's own: the two before, what each reading asks for, a step of all trials, forecasts in words

    @property
    def whole(self) -> float:
        """All of it."""
        return self.append + self.group


def generated(series: int) -> Loads:
    """Return loads of workloads that differ in size, shape, hour and restlessness; the same each time."""
    random = np.random.default_rng(0)
    noise = random.normal(size=POINTS + 10_000)
    loads = Loads.empty(STEP_S, POINTS)
    at = 2 * np.pi * np.arange(POINTS) / DAY

    def one() -> Floats:
        shift, size, swing, rough = random.uniform((0, -2, 0, 0), (2 * np.pi, 3, 1, 0.2))
        begin = random.integers(0, 10_000)
        shape = np.exp(swing * np.cos(at + shift) + rough * noise[begin : begin + POINTS])
        return np.asarray(10**size * shape)

    for first in range(0, series, _BATCH):
        loads.add([History(GRID.start_s, STEP_S, one()) for _ in range(min(_BATCH, series - first))])
    return loads


def floors_of(loads: Loads) -> Floats:
    """Return the floors of workloads whose highest load took twenty pods."""
    return _FLOOR * loads.highest / 20.0


def taught(loads: Loads) -> PeakModel:
    """Return one model for all, learnt from some of them."""
    rows = np.linspace(0, len(loads) - 1, min(_TEACHERS, len(loads))).astype(np.int64)
    floors = floors_of(loads)

    def many() -> Iterator[Seen]:
        for row in rows:
            start_s, values = loads.series(int(row))
            yield Seen(values, Grid(start_s, STEP_S, GRID.first, GRID.last), float(floors[row]))

    return model.fit(model.rows_for(many(), rows.size))


def ticked(loads: Loads, learnt: PeakModel, ticks: int = 5, dates: Sequence[Dates] | None = None) -> Tick:
    """Let some ticks pass with new points of all series, and return the median of each part."""
    rows, floors, found = np.arange(len(loads)), floors_of(loads), []
    group, members = a_group(loads, learnt), members_of(loads)
    own = Own(floors, dates=dates)
    if dates is not None:
        members = [replace(member, dates=one) for member, one in zip(members, dates, strict=True)]
    random = np.random.default_rng(1)
    for _ in range(ticks):
        told = loads.values(rows, _AGAIN)
        told = np.column_stack([told[:, 1:], told[:, -1] * random.uniform(0.9, 1.1, len(loads))])
        watch = [time.process_time()]
        loads.append(loads.end_s + STEP_S, told)
        watch.append(time.process_time())
        known = features_now(loads, rows, GRID, own)
        watch.append(time.process_time())
        learnt.rises(known)
        watch.append(time.process_time())
        for one in group.tick(loads, rows, members, 1).values():
            finding.told(one, KIND.quantile, loads.end_s, 300.0)
        watch.append(time.process_time())
        found.append(np.diff(watch))
    return Tick(*np.median(found, axis=0).tolist())


def calendars_of(series: int) -> list[Dates]:
    """Return for each series clocks that were changed last week, two holidays, and a daily schedule at its own time."""
    random = np.random.default_rng(2)
    clocks = [(0.0, 3600.0), (END_S - 5 * DAY_S, 7200.0)]
    holidays = [(END_S - 9 * DAY_S, END_S - 8 * DAY_S), (END_S - DAY_S, END_S)]

    def one() -> Dates:
        begins_s = END_S + STEP_S * random.integers(DAY) + DAY_S * np.arange(-16, 4)
        return Dates.of(clocks, holidays, [[(begin_s, begin_s + 3600.0) for begin_s in begins_s.tolist()]])

    return [one() for _ in range(series)]


def members_of(loads: Loads) -> list[Member]:
    """Return what the pods of such workloads carry."""
    lead_s = KIND.start * STEP_S
    return [
        Member(lead_s=lead_s, window_s=KIND.window_s, quantile=KIND.quantile, per_pod=highest / 20.0, seasons_s=None)
        for highest in loads.highest.tolist()
    ]


def a_group(loads: Loads, learnt: PeakModel) -> Group[int]:
    """Return all series as one group of the service, with its trials."""
    group: Group[int] = Group(KIND)
    group.join(range(len(loads)))
    group.model = learnt
    return group


def alone_s(loads: Loads, learnt: PeakModel) -> float:
    """Return the CPU seconds of forecasting one series by itself, in the mean over some."""
    floors, count = floors_of(loads), min(_ALONE, len(loads))
    begin_s = time.process_time()
    for row in range(count):
        values = loads.values(np.array([row]), POINTS)[0]
        learnt.rises(features(Seen(values, GRID, float(floors[row])), slice(POINTS - 1, POINTS)))
    return (time.process_time() - begin_s) / count


def bound_s(loads: Loads) -> float:
    """Return the CPU seconds of one look of numpy at the last day of all series, the best of some."""
    packed, found = loads.packed[:, -DAY:], []
    for _ in range(5):
        begin_s = time.process_time()
        packed.max()
        found.append(time.process_time() - begin_s)
    return min(found)


def logarithms_s(loads: Loads) -> float:
    """Return the CPU seconds of unpacking the last day of all series and one logarithm a point, some series at a time."""
    begin_s = time.process_time()
    for first in range(0, len(loads), _BATCH):
        np.log(unpack(loads.packed[first : first + _BATCH, -DAY:]) + _FLOOR)
    return time.process_time() - begin_s


@app.command(help=__doc__)
def main(series: Annotated[int, typer.Option(help="How many", min=1)] = 10_000) -> None:
    """Print bytes of a series and CPU seconds of a tick, and of what stands beside it."""
    pid = os.getpid()
    before = rss_bytes(pid)
    loads = generated(series)
    held, packed = rss_bytes(pid) - before, loads.packed.nbytes
    begin_s = time.process_time()
    learnt = taught(loads)
    taught_s = time.process_time() - begin_s
    tick, most = ticked(loads, learnt), rss_bytes(pid) - before
    dated = ticked(loads, learnt, dates=calendars_of(series))
    table = Table(title=f"{series:,} series, {POINTS:,} points each at {STEP_S:g} s", title_justify="left")
    for number, name in enumerate(("", "found", "of the bound")):
        table.add_column(name, justify="right" if number else "left")
    sizes = {"loads packed": packed, "memory of the process that they took": held, "and with ticks and a refit": most}
    for name, size in sizes.items():
        table.add_row(name, f"{size / series / _KIB:.1f} KiB a series", "")
    bound = bound_s(loads)
    rows = {
        "bound: one look at the bytes of a day": bound,
        "unpacking that day, and a logarithm of each point": logarithms_s(loads),
        "append": tick.append,
        "features": tick.features,
        "rises": tick.rises,
        "the service's tick, with the two before": tick.group,
        "all of a tick": tick.whole,
        "all of it with clocks, holidays and a schedule of each series": dated.whole,
        f"one by one ({min(_ALONE, series)} measured, the rest reckoned)": alone_s(loads, learnt) * series,
    }
    for name, took_s in rows.items():
        table.add_row(name, f"{took_s:.3f} CPU s", f"{took_s / bound:,.0f}x")
    table.add_row(f"a refit, learning from {min(_TEACHERS, series)} of them", f"{taught_s:.3f} CPU s", "")
    Console(width=140).print(table)


if __name__ == "__main__":
    app()
