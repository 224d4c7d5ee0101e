import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.errors import Temporary
from autoscaler.loops import history
from autoscaler.loops.history import HistoryReader, Question, Source, Span
from autoscaler.model import History

CPU = Question(resource="cpu")
STEP_S = 60.0


class Prometheus:
    """Series whose value is their time; `gaps` are times without a sample. What is laid is kept by time."""

    def __init__(self, *keys: str) -> None:
        self.keys = keys
        self.asked: list[tuple[Span, str]] = []
        self.gaps: set[float] = set()
        self.failing = 0
        self.laid: dict[str, dict[float, float]] = {key: {} for key in keys}
        self.reader = HistoryReader[str](max_points=20)
        self.source: Source[str] = Source(self.fetch, self.lay, lambda key: key.split("/")[0])

    async def fetch(self, span: Span, namespace: str) -> dict[str, History]:
        if self.failing:
            self.failing -= 1
            raise Temporary("down")
        self.asked.append((span, namespace))
        at_s = span.start_s + span.step_s * np.arange(span.points)
        values = np.array([np.nan if at in self.gaps else at for at in at_s])
        return {key: History(span.start_s, span.step_s, values) for key in self.keys if key.startswith(namespace)}

    async def lay(self, found: object) -> None:
        assert isinstance(found, dict)
        for key, one in found.items():
            at_s = one.start_s + one.step_s * np.arange(one.values.size)
            self.laid[key] |= {at: value for at, value in zip(at_s, one.values, strict=True) if np.isfinite(value)}

    async def read(self, start_s: float, end_s: float, *keys: str, pieces: int = 1000) -> None:
        span = Span(start_s, end_s, STEP_S)
        await self.reader.newest(CPU, frozenset(keys or self.keys), span, self.source)
        left = iter(range(pieces))
        await self.reader.older(CPU, span, self.source, lambda: next(left, None) is not None)


def grid(start_s: float, end_s: float) -> list[float]:
    return list(np.arange(start_s, end_s + 1, STEP_S))


@given(
    ends=st.lists(st.integers(1, 90), min_size=1, max_size=5),
    pieces=st.integers(0, 9),
    failing=st.integers(0, 4),
    most=st.sampled_from([60, 90, 11_000]),
)
async def test_whatever_fails_on_the_way_in_the_end_all_of_it_was_read(
    ends: list[int], pieces: int, failing: int, most: int
) -> None:
    there = Prometheus("a/shop", "b/cart")
    there.reader.max_points, there.failing = most, failing
    end_s = 60_000.0
    for later in ends:
        end_s += later * STEP_S
        try:
            await there.read(30_000.0, end_s, pieces=pieces)
        except Temporary:
            continue
    there.failing = 0
    await there.read(30_000.0, end_s)
    assert sorted(there.laid["a/shop"]) == grid(30_000.0, end_s)
    assert all(at == value for at, value in there.laid["b/cart"].items())
    assert there.reader.is_whole(CPU, "a/shop")


async def test_the_newest_is_read_first_and_the_rest_in_pieces() -> None:
    there = Prometheus("a/shop")
    there.reader.max_points = 100
    await there.read(0.0, 60_000.0, pieces=2)
    (first, _), (second, _) = there.asked
    assert (first.end_s, first.points) == (60_000.0, 100)
    assert second.end_s == first.start_s - STEP_S
    assert there.reader.is_begun(CPU)
    assert not there.reader.is_whole(CPU, "a/shop")


async def test_after_that_only_the_end_is_read_with_an_overlap_for_late_samples() -> None:
    there = Prometheus("a/shop")
    there.gaps = {59_940.0}
    await there.read(54_000.0, 60_000.0)
    there.asked.clear()
    there.gaps = set()
    await there.read(54_060.0, 60_060.0)
    assert [(span.start_s, span.end_s) for span, _ in there.asked] == [(59_700.0, 60_060.0)]
    assert 59_940.0 in there.laid["a/shop"]


async def test_a_new_series_costs_a_read_of_its_own_namespace() -> None:
    there = Prometheus("a/shop", "b/cart")
    await there.read(54_000.0, 60_000.0, "a/shop")
    there.asked.clear()
    await there.read(54_000.0, 60_000.0)
    assert {namespace for _, namespace in there.asked} == {"b"}
    assert sorted(there.laid["b/cart"]) == grid(54_000.0, 60_000.0)


async def test_a_fleet_is_read_in_shorter_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MOST_POINTS", 2 * 70)
    there = Prometheus("a/shop", "b/cart")
    there.reader.max_points = 11_000
    await there.read(54_000.0, 60_000.0)
    assert [span.points for span, _ in there.asked] == [70, 31]


async def test_after_a_long_time_without_an_answer_everything_is_read_anew() -> None:
    there = Prometheus("a/shop")
    await there.read(54_000.0, 60_000.0)
    await there.read(154_000.0, 160_000.0)
    assert set(grid(154_000.0, 160_000.0)) <= set(there.laid["a/shop"])


async def test_what_nobody_asks_any_more_is_forgotten() -> None:
    there = Prometheus("a/shop")
    await there.read(54_000.0, 60_000.0)
    there.reader.keep_only(frozenset())
    assert not there.reader.is_begun(CPU)


async def test_who_wants_to_look_back_farther_later_on_is_not_left_with_what_was_read() -> None:
    prometheus = Prometheus("a")
    await prometheus.read(60_000.0, 66_000.0)
    await prometheus.read(60_060.0, 66_060.0)
    prometheus.asked.clear()
    await prometheus.read(54_120.0, 66_120.0, pieces=1)
    assert not prometheus.reader.is_whole(CPU, "a")
    await prometheus.read(54_120.0, 66_120.0)
    assert prometheus.reader.is_whole(CPU, "a")
    assert sorted(prometheus.laid["a"]) == grid(54_120.0, 66_120.0)
    prometheus.asked.clear()
    await prometheus.read(54_180.0, 66_180.0)
    assert len(prometheus.asked) == 1
