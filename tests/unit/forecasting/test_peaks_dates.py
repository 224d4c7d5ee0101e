"""What a calendar says is known beforehand and what came the last time is found by it, through changes of the clocks too."""

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from autoscaler.forecasting.peaks.almanac import Almanac
from autoscaler.forecasting.peaks.columns import past_days
from autoscaler.forecasting.peaks.dates import NO_DATES, Dates
from autoscaler.forecasting.peaks.features import Features, Grid, Seen, features
from autoscaler.model import Floats

STEP_S, DAY, DAY_S = 300.0, 288, 86_400.0
MONDAY_S = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
BERLIN = ZoneInfo("Europe/Berlin")
LEAD_S = 3 * STEP_S
HOLIDAYS = slice(-15, -12)  # columns: now, when a pod serves, until the next
SCHEDULES = slice(
    -12, None
)  # columns: now, when a pod serves, until the next, since the last; then what came with the last ones


def of(values: Floats, dates: Dates, start_s: float = MONDAY_S) -> Features:
    return features(Seen(values, Grid(start_s, STEP_S, 2, 3, dates=dates), 0.3))


def flat(days: int) -> Floats:
    return np.full(days * DAY, 5.0)


def moments_of(grid: Grid, days: int) -> Floats:
    return np.asarray(grid.start_s + STEP_S * np.arange(days * DAY), dtype=np.float64)


def at(days: float, hours: float = 0.0) -> int:
    return round(days * DAY + hours * 12)


def day_of(number: int) -> tuple[float, float]:
    return MONDAY_S + number * DAY_S, MONDAY_S + (number + 1) * DAY_S


def clocks_of(zone: ZoneInfo, begin: datetime, days: int) -> list[tuple[float, float]]:
    """Return from when on the clocks of a zone are ahead of UTC by how much."""
    hours = [begin + timedelta(hours=one) for one in range(days * 24)]
    ahead = [(one.timestamp(), (one.astimezone(zone).utcoffset() or timedelta()).total_seconds()) for one in hours]
    return [next(some) for _, some in itertools.groupby(ahead, key=lambda one: one[1])]


def test_without_dates_their_columns_are_empty() -> None:
    assert np.isnan(of(flat(9), NO_DATES)[:, HOLIDAYS.start :]).all()


def test_dates_of_another_series_change_nothing_for_one_without() -> None:
    grid, rows = Grid(MONDAY_S, STEP_S, 2, 3), np.array([MONDAY_S, MONDAY_S])
    both = Almanac.of_many(grid, rows, [NO_DATES, Dates.of([(0.0, 3600.0)], [day_of(0)], [[day_of(0)]])])
    np.testing.assert_array_equal(both.is_holiday(0.0), [np.nan, 1])
    np.testing.assert_array_equal(both.is_scheduled(0.0), [np.nan, 1])
    np.testing.assert_array_equal(both.local_s - MONDAY_S, [0, 3600])


def test_a_holiday_is_known_before_it_comes_and_while_it_is() -> None:
    rows = of(flat(9), Dates.of(holidays=[day_of(3), day_of(4)]))[:, HOLIDAYS]
    np.testing.assert_array_equal(np.flatnonzero(rows[:, 0]), np.arange(at(3), at(5)))
    np.testing.assert_array_equal(np.flatnonzero(rows[:, 1]), np.arange(at(3) - 3, at(5) - 3))
    np.testing.assert_allclose(rows[[at(1), at(2), at(2, 12), at(3) - 1, at(3), at(4)], 2], [1, 1, 0.5, 1 / DAY, 1, 1])


def test_a_holiday_is_like_the_last_sunday_and_the_day_after_it_like_the_last_working_day() -> None:
    dates, grid = Dates.of(holidays=[day_of(9), day_of(17)]), Grid(MONDAY_S, STEP_S, 2, 3)  # a Wednesday and a Thursday
    back = Almanac.of_one(grid, moments_of(grid, 21), dates).days_back([DAY, 2 * DAY, 3 * DAY, 4 * DAY])
    last, fourth = np.array(back)[[0, 3]]
    ago = {day: last[at(day, 10)] / DAY for day in (8, 9, 10, 11, 12, 13, 14, 16, 17, 18)}
    assert ago == {8: 1, 9: 3, 10: 2, 11: 1, 12: 7, 13: 4, 14: 3, 16: 1, 17: 4, 18: 2}
    assert fourth[at(12, 10)] == 0, "two weeks ago is what is kept, and there was one Saturday"
    assert last[at(9) - 3] == 3 * DAY, "what is asked for on the evening before serves on the holiday"


def test_what_came_on_days_is_of_days_like_this_one_where_holidays_are_told() -> None:
    values = np.repeat(np.arange(1.0, 22.0), DAY)  # each day has a height of its own
    grid = Grid(MONDAY_S, STEP_S, 2, 3)
    column = past_days(grid)
    assert column is not None
    for dates, days in (
        (NO_DATES, [8, 7, 6, 5]),
        (Dates.of(holidays=()), [8, 7, 4, 3]),
        (Dates.of(holidays=[day_of(8)]), [7, 4, 3, 2]),
    ):
        mean = np.log(np.array(days) + 1.3).mean() - np.log(10.3)
        assert of(values, dates)[at(9, 10), column] == pytest.approx(mean, rel=1e-5)


def test_days_like_this_one_follow_the_clocks() -> None:
    change = datetime(2026, 10, 25, 1, tzinfo=UTC)
    dates = Dates.of(clocks_of(BERLIN, change - timedelta(days=20), 30), holidays=())
    monday = np.array([datetime(2026, 10, 26, 9, tzinfo=BERLIN).timestamp()])
    [lag] = Almanac.of_one(Grid(0.0, STEP_S, 2, 3), monday, dates).days_back([DAY])
    np.testing.assert_array_equal(lag, [3 * DAY + 12])


def test_what_came_with_the_last_window_of_an_odd_schedule_is_known_before_the_next() -> None:
    windows = [(MONDAY_S + day * DAY_S + 9 * 3600, MONDAY_S + day * DAY_S + 10 * 3600) for day in (1, 4, 11)]
    values = flat(12)
    for begin_s, _ in windows[:2]:
        begin = round((begin_s - MONDAY_S) / STEP_S)
        values[begin : begin + 12] = 50.0
    rows = of(values, Dates.of(schedules=[windows]))[:, SCHEDULES]
    rise = np.log(50.3 / 5.3)
    before = rows[at(11, 9) - 2]
    np.testing.assert_allclose(before[:4], [0, 1, 2 / DAY, 1], rtol=1e-5)
    np.testing.assert_allclose(before[4:], rise, rtol=1e-5)
    np.testing.assert_allclose(rows[at(11, 9.5), :4], [1, 1, 1, 0.5 / 24], rtol=1e-5)
    assert np.isnan(rows[at(8), 4:]).all(), "no window within a day"
    assert np.isnan(rows[: at(3), 4:]).all(), "it had not been before"


def test_of_several_schedules_the_one_that_is_next_counts() -> None:
    dates = Dates.of(schedules=[[day_of(2), day_of(8)], [(MONDAY_S + 5 * DAY_S, MONDAY_S + 5 * DAY_S + 60)]])
    almanac = Almanac.of_one(Grid(MONDAY_S, STEP_S, 2, 3), np.array([day_of(n)[0] for n in range(9)]) + 6 * 3600, dates)
    lags = almanac.occurrence_lags()
    np.testing.assert_array_equal(lags[0], [0, 0, 0, 0, 0, 0, 0, 6 * DAY, 6 * DAY])
    assert not np.any(lags[1:])


def test_a_day_ago_is_what_the_clocks_showed_a_day_ago() -> None:
    for change in (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)):  # spring, autumn
        begin = change - timedelta(days=10)
        dates = Dates.of(clocks_of(BERLIN, begin, 24))
        grid = Grid(begin.timestamp(), STEP_S, 2, 3, dates=dates)
        moments = moments_of(grid, 24)
        almanac = Almanac.of_one(grid, moments, dates)
        ago = moments - STEP_S * almanac.by_clocks(DAY)
        then, now = (np.array([datetime.fromtimestamp(one, BERLIN).hour for one in some]) for some in (ago, moments))
        same = then == now
        assert same[np.abs(moments - change.timestamp() - DAY_S / 2) > DAY_S / 2 + 7200].all()
        assert same.mean() > 1 - 3 * 12 / moments.size
        hours = {round((one - other) / 3600) for one, other in zip(moments[DAY:], ago[DAY:], strict=True)}
        assert hours == ({23, 24} if change.month == 3 else {24, 25})


def test_after_a_change_of_the_clocks_the_mean_of_the_last_days_is_of_this_time_of_day() -> None:
    begin = datetime(2026, 10, 12, tzinfo=BERLIN)
    dates = Dates.of(clocks_of(BERLIN, begin, 21))
    moments = moments_of(Grid(begin.timestamp(), STEP_S, 2, 3), 20)
    local = np.array([datetime.fromtimestamp(one, BERLIN).hour for one in moments])
    values = np.where(local == 9, 50.0, 5.0)
    grid = Grid(begin.timestamp(), STEP_S, 2, 3, dates=dates)
    column = past_days(grid)
    assert column is not None
    sees = features(Seen(values, grid, 0.3))[:, column]
    blind = features(Seen(values, Grid(begin.timestamp(), STEP_S, 2, 3), 0.3))[:, column]
    coming = np.flatnonzero((local == 9) & (np.roll(local, 2) == 8) & (moments > begin.timestamp() + 13.5 * DAY_S)) - 2
    np.testing.assert_allclose(sees[coming[0]], np.log(50.3 / 5.3), rtol=1e-5)
    assert blind[coming[0]] < sees[coming[0]] / 3


def test_where_a_day_is_not_that_of_the_clocks_their_change_moves_nothing() -> None:
    dates = Dates.of([(0.0, 3600.0), (MONDAY_S, 7200.0)])
    grid = Grid(MONDAY_S, STEP_S, 2, 3, day_s=7200.0, dates=dates)
    almanac = Almanac.of_one(grid, np.array([MONDAY_S + 60.0]), dates)
    assert almanac.by_clocks(24) == 24
    np.testing.assert_array_equal(almanac.local_s, [MONDAY_S + 60.0])


def test_no_moment_looks_at_one_whose_outcome_is_not_known() -> None:
    often = [(MONDAY_S + one * 600.0, MONDAY_S + one * 600.0 + 60.0) for one in range(400)]
    grid = Grid(MONDAY_S, STEP_S, 2, 3)
    moments = moments_of(grid, 1)
    lags = Almanac.of_one(grid, moments, Dates.of(schedules=[often])).occurrence_lags()
    for lag in lags:
        assert ((lag == 0) | (lag > grid.last + grid.around)).all()
    assert any(lag.any() for lag in lags)
