import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.errors import Temporary
from autoscaler.loops.history import HistoryBook, Question, Span, laid, since
from autoscaler.model import History

CPU = Question(resource="cpu")


class Source:
    """Prometheus with one series, whose value is its time; `gaps` are times without a sample."""

    def __init__(self) -> None:
        self.asked: list[Span] = []
        self.gaps: set[float] = set()

    async def fetch(self, span: Span) -> dict[str, History]:
        self.asked.append(span)
        at_s = span.start_s + span.step_s * np.arange(span.points)
        values = np.array([np.nan if at in self.gaps else at for at in at_s])
        return {"shop": History(span.start_s, span.step_s, values)}


async def test_read_in_parts_is_the_same_as_read_at_once() -> None:
    source, book = Source(), HistoryBook[str]()
    for end_s in (10_020.0, 10_080.0, 10_620.0, 12_000.0):
        span = Span(end_s - 6_000, end_s, 60.0)
        kept = (await book.read(CPU, frozenset({"shop"}), span, source.fetch))["shop"]
        whole = (await source.fetch(span))["shop"]
        assert kept.start_s == whole.start_s
        np.testing.assert_array_equal(kept.values, whole.values)


async def test_a_late_sample_within_the_overlap_is_found() -> None:
    source, book = Source(), HistoryBook[str]()
    source.gaps = {9_960.0}
    await book.read(CPU, frozenset({"shop"}), Span(6_000, 9_960, 60.0), source.fetch)
    source.gaps = set()
    later = await book.read(CPU, frozenset({"shop"}), Span(6_060, 10_020, 60.0), source.fetch)
    assert np.isfinite(later["shop"].values).all()


async def test_a_new_series_makes_the_whole_be_read_again() -> None:
    source, book = Source(), HistoryBook[str]()
    await book.read(CPU, frozenset({"shop"}), Span(6_000, 9_960, 60.0), source.fetch)
    await book.read(CPU, frozenset({"shop", "cart"}), Span(6_060, 10_020, 60.0), source.fetch)
    assert source.asked[1].start_s == 6_060


async def test_everything_is_read_again_after_an_hour() -> None:
    source, book = Source(), HistoryBook[str]()
    for end_s in (10_020.0, 11_820.0, 13_620.0):
        await book.read(CPU, frozenset({"shop"}), Span(end_s - 3_960, end_s, 60.0), source.fetch)
    assert [span.points for span in source.asked] == [67, 36, 67]


async def test_a_failed_read_loses_nothing_and_the_next_fills_the_gap() -> None:
    source, book = Source(), HistoryBook[str]()

    async def down(_: Span) -> dict[str, History]:
        raise Temporary("down")

    await book.read(CPU, frozenset({"shop"}), Span(6_000, 9_960, 60.0), source.fetch)
    with pytest.raises(Temporary):
        await book.read(CPU, frozenset({"shop"}), Span(6_600, 10_560, 60.0), down)
    later = await book.read(CPU, frozenset({"shop"}), Span(7_200, 11_160, 60.0), source.fetch)
    assert np.isfinite(later["shop"].values).all()
    assert source.asked[-1].start_s > 7_200


async def test_a_series_without_a_single_point_is_left_out() -> None:
    async def fetch(span: Span) -> dict[str, History]:
        return {"shop": History(span.start_s, span.step_s, np.full(span.points, np.nan))}

    assert await HistoryBook[str]().read(CPU, frozenset({"shop"}), Span(0, 600, 60.0), fetch) == {}


@given(shift=st.integers(-20, 20), length=st.integers(0, 20))
def test_laying_puts_every_point_at_its_time_and_nothing_elsewhere(shift: int, length: int) -> None:
    span = Span(600.0, 1_200.0, 60.0)
    at_s = 600.0 + 60.0 * shift + 60.0 * np.arange(length)
    values = laid(History(600.0 + 60.0 * shift, 60.0, at_s.copy()), None, span).values
    grid = 600.0 + 60.0 * np.arange(span.points)
    expected = np.where(np.isin(grid, at_s), grid, np.nan)
    np.testing.assert_array_equal(values, expected)


def test_points_before_a_moment_are_cut_off() -> None:
    history = History(0.0, 60.0, np.arange(5.0))
    cut = since(history, 61.0)
    assert (cut.start_s, list(cut.values)) == (120.0, [2.0, 3.0, 4.0])
    assert list(since(history, -100.0).values) == [0.0, 1.0, 2.0, 3.0, 4.0]
