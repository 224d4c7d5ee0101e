"""What every source of a rise must keep; one that is added is tested by being a member of `Source`."""

import numpy as np
import pytest

from autoscaler.forecasting.peaks import model
from autoscaler.forecasting.peaks.boldness import EARNED, LADDER, Outlook, asks
from autoscaler.forecasting.peaks.features import Features, Grid, Seen, features
from autoscaler.forecasting.peaks.loads import Loads
from autoscaler.forecasting.peaks.model import PeakModel
from autoscaler.forecasting.peaks.now import Own, features_now
from autoscaler.forecasting.peaks.sources import TOLD, Source, rises
from autoscaler.model import Floats, History

STEP_S = 300.0
DAY = 288  # points
START_S = 1_799_971_200.0
GRID = Grid(START_S, STEP_S, 2, 4)
FLOOR = 0.3

every_source = pytest.mark.parametrize("source", Source, ids=lambda source: source.name)


def a_load(days: int = 6, seed: int = 0) -> Floats:
    """Days of a gentle shape with noise and a job in the night."""
    at = np.arange(days * DAY)
    load = 8 - 5 * np.cos(2 * np.pi * at / DAY) + np.random.default_rng(seed).normal(0, 0.2, at.size)
    return np.asarray(load + np.where(at % DAY < 6, 15.0, 0.0))


@pytest.fixture(scope="module")
def learnt() -> PeakModel:
    return model.fit(model.rows_for([Seen(a_load(), GRID, FLOOR)], 1))


def expected(learnt: PeakModel, values: Floats, floor: float = FLOOR) -> Floats:
    """Return what all sources expect at each point, shape (sources, points)."""
    return of_known(learnt, features(Seen(values, GRID, floor)), GRID)


def of_known(learnt: PeakModel, known: Features, grid: Grid) -> Floats:
    return rises(learnt.rises(known), known, grid)


def test_there_is_a_row_for_each(learnt: PeakModel) -> None:
    assert expected(learnt, a_load()).shape == (len(Source), 6 * DAY)


@every_source
def test_a_ladder_reads_it_and_it_can_be_told(source: Source) -> None:
    assert source in {rung.source for rung in EARNED}
    assert TOLD[source]
    assert set(LADDER) <= set(EARNED)


@every_source
@pytest.mark.parametrize("poison", [0.0, 1e6, np.nan])
def test_it_does_not_look_into_the_future(learnt: PeakModel, source: Source, poison: float) -> None:
    values = a_load()
    whole = expected(learnt, values)[source]
    for cut in (1, DAY + 3, 4 * DAY + 100, values.size - 1):
        later = values.copy()
        later[cut:] = poison
        np.testing.assert_array_equal(expected(learnt, later)[source, :cut], whole[:cut])
        np.testing.assert_array_equal(expected(learnt, values[:cut])[source], whole[:cut])


@every_source
def test_it_leaves_what_it_is_given_untouched_and_says_the_same_again(learnt: PeakModel, source: Source) -> None:
    known = features(Seen(a_load(), GRID, FLOOR))
    before = known.copy()
    known.setflags(write=False)
    first = of_known(learnt, known, GRID)[source]
    np.testing.assert_array_equal(of_known(learnt, known, GRID)[source], first)
    np.testing.assert_array_equal(known, before)


@every_source
@pytest.mark.parametrize("size", [2.0**-9, 2.0**12])
def test_the_unit_of_the_load_does_not_matter(learnt: PeakModel, source: Source, size: float) -> None:
    plain, other = expected(learnt, a_load())[source], expected(learnt, a_load() * size, FLOOR * size)[source]
    np.testing.assert_array_equal(np.isnan(plain), np.isnan(other))
    assert np.isclose(plain, other, atol=1e-5, equal_nan=True).mean() > 0.95  # a rounding may cross a threshold of the model


@every_source
@pytest.mark.parametrize(
    "values",
    [a_load(), np.zeros(3 * DAY), np.full(3 * DAY, 7.0), np.full(3 * DAY, np.nan), np.full(1, 3.0), 1e11 * a_load()],
    ids=["days", "zero", "constant", "nothing", "one point", "huge"],
)
def test_it_never_expects_a_fall_nor_anything_infinite(learnt: PeakModel, source: Source, values: Floats) -> None:
    found = expected(learnt, values)[source]
    assert not (found < 0).any()
    assert not np.isinf(found).any()


@every_source
def test_of_gaps_nothing_is_asked_for(learnt: PeakModel, source: Source) -> None:
    values = a_load()
    values[3 * DAY :: 5] = np.nan
    values[4 * DAY : 4 * DAY + 50] = np.nan
    seen = Seen(values, GRID, FLOOR)
    asked = asks(Outlook(seen.level, expected(learnt, values), seen.highest, FLOOR), 1.0, EARNED)
    reads = np.array([False, *(rung.source is source for rung in EARNED)])
    assert (asked[np.isnan(values)][:, reads] == 0).all()
    assert (asked[~np.isnan(values)][:, reads][2 * DAY :] > 0).any()


@every_source
def test_the_service_is_told_the_same_of_this_moment_as_a_replay(learnt: PeakModel, source: Source) -> None:
    values = a_load()
    for points in (4 * DAY + 2, 5 * DAY + 150, values.size):
        loads = Loads.empty(STEP_S, 8 * DAY)
        loads.add([History(START_S, STEP_S, values[:points])])
        _, kept = loads.series(0)  # as they are packed
        now = features_now(loads, np.zeros(1, dtype=np.int64), GRID, Own(np.full(1, FLOOR)))
        along = expected(learnt, kept)[source, -1]
        assert of_known(learnt, now, GRID)[source, 0] == pytest.approx(along, rel=1e-3, abs=1e-4)
