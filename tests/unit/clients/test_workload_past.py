"""Which load is read from what was recorded and which from raw series, and what throttling makes of it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from autoscaler.clients.grid import Grid
from autoscaler.clients.queries import Source
from autoscaler.clients.ranges import Answer, Question, Ranges
from autoscaler.clients.workload_past import Wanted, lifted, past
from autoscaler.model import Floats, WorkloadKey

STEP_S = 60.0
DAY = Grid(10_000, 11_439, STEP_S)
WEB, DB = WorkloadKey("shop", "Deployment", "web"), WorkloadKey("shop", "StatefulSet", "db")
Known = Callable[[int], float]  # the value at a point, counted from the first of the day

RAW, RECORDED = 1.0, 2.0


def always(value: float) -> Known:
    return lambda _: value


def from_to(value: float, *spans: tuple[int, int]) -> Known:
    return lambda point: value if any(first <= point < last for first, last in spans) else np.nan


@dataclass(slots=True)
class Store:
    """What Prometheus knows: usage and throttling by workload, raw and recorded; and what was asked of it."""

    raw: dict[WorkloadKey, Known] = field(default_factory=lambda: {WEB: always(RAW)})
    recorded: dict[WorkloadKey, Known] = field(default_factory=dict)
    throttled: dict[WorkloadKey, Known] = field(default_factory=dict)
    throttled_recorded: dict[WorkloadKey, Known] = field(default_factory=dict)
    asked: list[tuple[str, int, int]] = field(default_factory=list)

    async def answer(self, question: Question, part: Grid) -> Answer:
        self.asked.append((question.name, part.first - DAY.first, part.last - DAY.first + 1))
        known = {
            "workload_history": self.raw,
            "recorded_history": self.recorded,
            "workload_throttled": self.throttled,
            "recorded_throttled": self.throttled_recorded,
        }[question.name]
        points = range(part.first - DAY.first, part.last - DAY.first + 1)
        series = {key: np.array([value(point) for point in points]) for key, value in known.items()}
        return [(labels(key), values) for key, values in series.items() if np.isfinite(values).any()]

    def of(self, name: str) -> list[tuple[int, int]]:
        return [span for kind, *span in self.asked if kind == name]  # type: ignore[misc]


def labels(key: WorkloadKey) -> dict[str, str]:
    return {"namespace": key.namespace, "workload_kind": key.kind, "workload": key.name}


async def read(
    store: Store, resource: str = "memory", *, lift: bool = True, max_points: int = 11_000
) -> dict[WorkloadKey, Floats]:
    wanted = Wanted(resource, DAY, Source("foresail-exporter", 60), lift=lift)
    found: dict[WorkloadKey, Floats] = {}
    covered: list[Grid] = []
    async for part, loads in past(Ranges(store.answer, max_points), wanted):
        covered.append(part)
        for key, values in loads.items():
            found.setdefault(key, np.full(DAY.points, np.nan))[DAY.place(part)] = values
    assert sum(part.points for part in covered) == DAY.points
    assert [part.last for part in covered] == sorted((part.last for part in covered), reverse=True)
    return found


async def test_what_was_recorded_is_not_worked_out_again_but_for_the_newest() -> None:
    store = Store(recorded={WEB: always(RECORDED)})
    found = await read(store)
    np.testing.assert_array_equal(found[WEB], np.where(np.arange(1440) < 1425, RECORDED, RAW))
    assert store.of("workload_history") == [[1425, 1440]]


async def test_what_lies_before_the_rules_is_worked_out() -> None:
    store = Store(recorded={WEB: from_to(RECORDED, (1_000, 1_440))})
    found = await read(store)
    np.testing.assert_array_equal(found[WEB][:1_000], RAW)
    np.testing.assert_array_equal(found[WEB][1_000:1_425], RECORDED)
    assert store.of("workload_history") == [[1425, 1440], [0, 1_000]]


async def test_gaps_of_what_was_recorded_are_filled_those_near_to_each_other_at_once() -> None:
    spans = (0, 300), (310, 320), (330, 800), (820, 1_440)
    store = Store(recorded={WEB: from_to(RECORDED, *spans)})
    found = await read(store)
    gaps = [*range(300, 310), *range(320, 330), *range(800, 820), *range(1_425, 1_440)]
    assert np.flatnonzero(found[WEB] == RAW).tolist() == gaps
    assert np.isfinite(found[WEB]).all()
    assert store.of("workload_history") == [[1425, 1440], [800, 820], [300, 330]]


async def test_a_workload_that_was_not_there_is_not_looked_for_while_others_were_recorded() -> None:
    store = Store(
        raw={WEB: always(RAW), DB: always(RAW)}, recorded={WEB: always(RECORDED), DB: from_to(RECORDED, (700, 1_440))}
    )
    found = await read(store)
    assert np.isnan(found[DB][:700]).all()
    assert store.of("workload_history") == [[1425, 1440]]


async def test_without_rules_all_is_worked_out() -> None:
    found = await read(Store(), max_points=500)
    assert found.keys() == {WEB}
    np.testing.assert_array_equal(found[WEB], RAW)


async def test_a_part_that_nobody_knows_is_yielded_all_the_same() -> None:
    assert await read(Store(raw={})) == {}


async def test_raw_usage_is_lifted_by_raw_throttling_and_recorded_by_recorded() -> None:
    store = Store(
        recorded={WEB: from_to(RECORDED, (700, 1_440))},
        throttled={WEB: from_to(0.2, (0, 100)), DB: always(0.5)},
        throttled_recorded={WEB: from_to(0.5, (800, 900))},
    )
    cores = (await read(store, "cpu"))[WEB]
    np.testing.assert_allclose(cores[:100], RAW / 0.8)
    np.testing.assert_allclose(cores[100:700], RAW)
    np.testing.assert_allclose(cores[700:800], RECORDED)
    np.testing.assert_allclose(cores[800:900], RECORDED / 0.5)
    np.testing.assert_allclose(cores[900:1_425], RECORDED)


@pytest.mark.parametrize(("resource", "lift"), [("memory", True), ("cpu", False)])
async def test_nobody_asks_for_throttling_that_lifts_nothing(resource: str, *, lift: bool) -> None:
    store = Store(throttled={WEB: always(0.5)})
    np.testing.assert_array_equal((await read(store, resource, lift=lift))[WEB], RAW)
    assert {name for name, *_ in store.asked} == {"workload_history", "recorded_history"}


@pytest.mark.parametrize(
    ("share", "times"),
    [(0.0, 1.0), (0.05, 1.0), (0.06, 1 / 0.94), (0.5, 2.0), (0.9, 2.0), (1.2, 2.0), (np.nan, 1.0), (-1.0, 1.0)],
)
def test_what_was_wanted_is_between_the_usage_and_twice_of_it(share: float, times: float) -> None:
    np.testing.assert_allclose(lifted(np.array([3.0, np.nan]), np.array([share, share])), [3.0 * times, np.nan])
