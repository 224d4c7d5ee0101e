"""How ways to decide are judged: the retuned HPA, the floor of what is lost, the marks, the means."""

import pytest

from bench.pods import Cost
from bench.score import NO_LOSS, TARGETS, Judged, Retuned, Summary, bars, judged, summary


def a_cost(lost: float, pod_hours: float = 100.0, events: int = 10) -> Cost:
    return Cost(lost, pod_hours, events)


CURVE = Retuned.of([a_cost(0.02, 100.0, 10), a_cost(0.10, 80.0, 30), a_cost(0.004, 140.0, 0)])


@pytest.mark.parametrize(("pod_hours", "lost"), [(80, 0.10), (90, 0.06), (100, 0.02), (110, 0.016), (130, 0.008)])
def test_between_two_targets_the_retuned_hpa_is_a_straight_line(pod_hours: float, lost: float) -> None:
    assert CURVE.at(pod_hours).lost == pytest.approx(lost)


@pytest.mark.parametrize(("pod_hours", "lost"), [(10, 0.10), (79.9, 0.10), (140.1, 0.004), (900, 0.004)])
def test_beyond_its_last_target_the_retuned_hpa_loses_what_it_lost_there(pod_hours: float, lost: float) -> None:
    assert CURVE.at(pod_hours) == a_cost(lost, pod_hours, CURVE.at(pod_hours).events)


def test_the_retuned_hpa_scales_as_often_as_its_neighbours() -> None:
    assert CURVE.at(90.0).events == 20


def test_it_is_retuned_to_each_hundredth_from_0_35_to_0_95() -> None:
    assert (TARGETS[0], TARGETS[35], TARGETS[-1], TARGETS.size) == (0.35, 0.7, 0.95, 61)


def test_the_front_compares_with_the_hpa_that_spends_as_much() -> None:
    assert judged(a_cost(0.004, 110.0), a_cost(0.02), CURVE).front == pytest.approx(0.25)
    assert judged(a_cost(0.06, 90.0), a_cost(0.02), CURVE).front == pytest.approx(1.0)


def test_the_hpa_is_as_good_as_itself() -> None:
    assert judged(a_cost(0.02), a_cost(0.02), CURVE) == Judged(0.02, 1.0, 1.0, 1.0, 10, is_worse=False)


def test_losing_less_than_a_tenth_of_a_basis_point_counts_as_that() -> None:
    assert NO_LOSS == 1e-5
    nothing, next_to_nothing = judged(a_cost(0.0), a_cost(0.02), CURVE), judged(a_cost(0.9e-5), a_cost(0.02), CURVE)
    assert nothing.lost_ratio == next_to_nothing.lost_ratio == pytest.approx(5e-4)
    assert nothing.front == next_to_nothing.front == pytest.approx(5e-4)
    assert nothing.lost == 0.0  # what is shown is what was lost


def test_who_loses_next_to_nothing_is_not_worse_than_an_hpa_that_loses_nothing() -> None:
    free = Retuned.of([a_cost(0.0, 80.0), a_cost(0.0, 120.0)])
    assert judged(a_cost(0.9e-5), a_cost(0.0), free) == Judged(0.9e-5, 1.0, 1.0, 1.0, 10, is_worse=False)


@pytest.mark.parametrize(
    ("lost", "hpa", "is_worse"),
    [
        (0.0126, 0.0100, True),
        (0.0124, 0.0100, False),  # not a quarter more
        (0.00012, 0.00001, True),
        (0.00010, 0.00001, False),  # ten times, and not a basis point
        (0.00009, 0.0, False),
        (0.00011, 0.0, True),
        (0.0, 0.0100, False),
    ],
)
def test_worse_is_a_quarter_and_a_basis_point_more(lost: float, hpa: float, *, is_worse: bool) -> None:
    assert judged(a_cost(lost), a_cost(hpa), CURVE).is_worse is is_worse


def test_means_are_geometric_and_marks_are_counted() -> None:
    rows = [Judged(0.1, 0.1, 1.0, 0.2, 1, is_worse=False), Judged(0.1, 10.0, 1.21, 0.8, 1, is_worse=True)]
    found = summary(rows)
    assert (found.lost_ratio, found.pod_ratio, found.front) == pytest.approx((1.0, 1.1, 0.4))
    assert found.worse == 1


def test_bars_are_met_or_missed() -> None:
    good, poor = Summary(0.9, 1.05, 0.30, 0), Summary(1.1, 1.11, 0.33, 1)
    assert [one.is_met for one in bars(good, refit_s=0.5, earned=Summary(1.0, 0.88, 0.5, 0))] == [True] * 6
    assert [one.is_met for one in bars(poor, refit_s=2.5, earned=Summary(1.01, 0.89, 0.5, 0))] == [False] * 6
