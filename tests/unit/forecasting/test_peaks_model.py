"""One model is learnt from many series, and serves one that it has never seen."""

import numpy as np
import pytest

from autoscaler.forecasting.peaks import model
from autoscaler.forecasting.peaks.features import Grid, Seen, features
from autoscaler.forecasting.types import NotEnoughHistory
from autoscaler.model import Floats

GRID = Grid(1_799_971_200.0, 300.0, 2, 4)
DAY = 288  # points


def daily(number: int, days: int = 8) -> Seen:
    """Workloads of one kind and any size: busy by day, at an hour of their own, with a job that takes forty minutes."""
    random = np.random.default_rng(number)
    at = np.arange(days * DAY) - random.integers(0, DAY)
    size = 10 ** random.uniform(-2, 4)
    load = 6 - 4 * np.cos(2 * np.pi * at / DAY) + np.where(at % DAY < 8, 8.0, 0.0) + random.normal(0, 0.2, at.size)
    return Seen(np.maximum(load, 0.0) * size, GRID, 0.3 * size)


def pinball(rises: Floats, said: Floats | float) -> float:
    over = rises - said
    return float(np.maximum(model.QUANTILE * over, (model.QUANTILE - 1) * over).mean())


def test_what_eight_series_taught_serves_a_ninth() -> None:
    learnt = model.fit(model.rows_for((daily(number) for number in range(8)), 8))
    ninth = daily(8)
    came = ninth.targets()
    known = ~np.isnan(came) & (np.arange(came.size) >= 2 * DAY)
    said, came = learnt.rises(features(ninth)[known]), came[known]
    found = pinball(came, said)
    assert found < 0.4 * pinball(came, 0.0)
    assert found < 0.5 * pinball(came, float(np.quantile(came, model.QUANTILE)))
    assert 0.88 < (came <= said).mean() < 0.99


def test_rows_are_shared_alike_and_the_same_rows_teach_the_same() -> None:
    def parts() -> list[model.Rows]:
        return model.rows_for([daily(0, days=3), daily(1, days=8), Seen(np.full(9, np.nan), GRID, 0.3)], 3, 3000)

    assert [part.rises.size for part in parts()] == [1000, 1000, 0]
    asked = features(daily(2, days=3))
    np.testing.assert_array_equal(model.fit(parts()).rises(asked), model.fit(parts()).rises(asked))


def test_of_more_series_than_rows_each_gives_one() -> None:
    many = [daily(number, days=2) for number in range(5)]
    assert [part.rises.size for part in model.rows_for(many, 5, 3)] == [1] * 5
    with pytest.raises(NotEnoughHistory, match="only 5 moments"):
        model.fit(model.rows_for(many, 5, 3))
