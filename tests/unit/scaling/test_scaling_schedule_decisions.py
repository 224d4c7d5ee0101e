"""What schedules in force do to a decision, and what it says of them."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from autoscaler.api.overrides import Exclusion, Schedule
from autoscaler.api.types import Behavior, PolicyType, ScalingPolicy, ScalingRules
from autoscaler.model import Days
from autoscaler.reasons import Reason
from autoscaler.scaling.decide import changed, decide
from autoscaler.scaling.schedules.bounds import bounds
from autoscaler.scaling.schedules.types import Active
from autoscaler.scaling.types import Decision, Policy, Source, State
from tests.builders import NOW_S, a_forecast, a_policy, a_query_metric, a_reading, a_resource_metric, a_state, an_observation
from tests.builders import some_pods as pods

CPU = a_resource_metric(utilization=50)
QUERY = a_query_metric("10")
LONG_AGO, LATER = "2026-12-31", "2027-02-01"  # NOW_S is in January 2027
COMPANY = Exclusion(calendar="company")
BROKEN = {COMPANY: Days(frozenset(), "calendar company could not be read: /c/company.txt, line 3: no day")}


def now_on(name: str = "office", **fields: object) -> Schedule:
    """A schedule that holds at NOW_S."""
    return Schedule(**{"name": name, "from_": LONG_AGO, "to": LATER, **fields})


def scheduled(*schedules: Schedule, low: int = 2, high: int = 10, **fields: object) -> Policy:
    return replace(a_policy(CPU, min_replicas=low, max_replicas=high), schedules=schedules, **fields)


def decided(
    count: int, usage_milli: int, by: Policy, state: State | None = None, now_s: float = NOW_S
) -> tuple[Decision, State]:
    """The decision about so many pods that each use so much of their 100m, of which 50 are right."""
    observation = an_observation(a_reading(CPU, [usage_milli] * count), pods=pods(count))
    return decide(observation, by, state or State(), now_s)


@pytest.mark.parametrize(
    ("schedules", "low", "high"),
    [
        ([], 2, 10),
        ([now_on(min=5)], 5, 10),
        ([now_on(min=1)], 1, 10),  # in place of minReplicas, also downwards
        ([now_on(max=5)], 2, 5),
        ([now_on(max=20)], 2, 20),
        ([now_on(max=1)], 1, 1),  # lowers minReplicas too
        ([now_on(min=15)], 15, 15),  # raises maxReplicas too
        ([now_on(min=15, max=30)], 15, 30),
        ([now_on(replicas=4)], 4, 4),
        ([now_on(replicas=0)], 0, 0),
        ([now_on("a", min=3), now_on("b", min=6), now_on("c", max=4), now_on("d", max=8)], 6, 8),
        ([now_on("a", max=3), now_on("b", min=6)], 6, 6),
        ([now_on("a", replicas=0), now_on("b", min=3)], 3, 3),
        ([now_on(min=0)], 1, 10),  # nobody would know when to come back
        ([now_on(padding_percent=50)], 2, 10),
    ],
)
def test_the_largest_min_and_the_largest_max_count(schedules: list[Schedule], low: int, high: int) -> None:
    found = bounds(scheduled(), [Active(one) for one in schedules])
    assert (found.low, found.high) == (low, high)


@pytest.mark.parametrize(
    ("schedules", "low", "high"),
    [
        ([now_on(min=5)], 5, 10),
        ([now_on(min=1)], 2, 10),
        ([now_on(max=5)], 2, 10),
        ([now_on(max=20)], 2, 20),
        ([now_on(replicas=4)], 4, 10),
        ([now_on(replicas=0)], 2, 10),
        ([now_on(min=12)], 12, 12),
    ],
)
def test_a_schedule_in_doubt_lowers_no_bound(schedules: list[Schedule], low: int, high: int) -> None:
    found = bounds(scheduled(), [Active(one, "calendar company could not be read") for one in schedules])
    assert (found.low, found.high) == (low, high)


def test_more_than_the_load_asks_for_is_asked_for_by_name() -> None:
    decision, after = decided(2, 50, scheduled(now_on(min=6)))
    assert (decision.desired, decision.reason) == (6, Reason.SCHEDULE_IN_FORCE)
    expected = "Scale up from 2 to 6: schedule office asks for at least 6; without it: stay at 2 pods: cpu at 50% of requests"
    assert decision.message.startswith(expected)
    assert decision.candidates[Source.SCHEDULE] == 6
    assert (decision.candidates[Source.FLOOR], decision.candidates[Source.CEILING]) == (2, 10)
    [limit] = decision.limits
    assert (limit.name, limit.before, limit.after) == ("schedules", 2, 6)
    assert after.timetable is decision.timetable


def test_pods_stay_while_a_schedule_asks_for_them_and_go_when_it_ends() -> None:
    kept, after = decided(6, 10, scheduled(now_on(min=6)))
    assert (kept.desired, kept.reason) == (6, Reason.SCHEDULE_IN_FORCE)
    assert kept.message.startswith("Stay at 6: schedule office asks for at least 6; without it: scale down from 6 to 2")
    over, _ = decided(6, 10, scheduled(now_on(min=6)), after, NOW_S + 40 * 86400)
    assert over.timetable is not None
    assert (over.timetable.active, over.limits) == ((), ())


def test_a_most_takes_pods_away_at_once_and_lets_no_more_come() -> None:
    decision, _ = decided(8, 90, scheduled(now_on("night", max=3)))
    assert decision.desired == 3
    assert decision.message.startswith("Scale down from 8 to 3: schedule night allows no more than 3; without it: ")
    stays, _ = decided(3, 90, scheduled(now_on("night", max=3)))
    assert (stays.desired, stays.limits[0].reason) == (3, Reason.SCHEDULE_IN_FORCE)


def test_a_higher_most_gives_a_load_the_pods_that_it_asks_for() -> None:
    decision, _ = decided(10, 60, scheduled(now_on("fair", max=20)))
    assert decision.desired == 12
    assert "schedule fair allows 20" in decision.message


def test_a_schedule_that_changes_nothing_leaves_no_trace_but_its_candidate() -> None:
    decision, _ = decided(4, 50, scheduled(now_on(min=3)))
    plain, _ = decided(4, 50, scheduled())
    assert (decision.desired, decision.message, decision.limits) == (4, plain.message, ())
    assert decision.candidates == {**plain.candidates, Source.SCHEDULE: 3}


def test_a_broken_calendar_is_a_condition_and_an_event_with_the_file() -> None:
    by = scheduled(now_on("night", max=3, exclude=(COMPANY,)), calendars=BROKEN)
    decision, _ = decided(8, 50, by)
    assert decision.desired == 8
    [told] = [one for one in decision.conditions if one.type == "CalendarsReadable"]
    assert (told.status, told.reason) == (False, Reason.CALENDAR_UNREADABLE)
    assert "/c/company.txt, line 3" in told.message
    assert decision.events[-1].reason is Reason.CALENDAR_UNREADABLE
    mended, _ = decided(8, 50, replace(by, calendars={COMPANY: Days(frozenset())}))
    assert mended.desired == 3
    assert [one.status for one in mended.conditions if one.type == "CalendarsReadable"] == [True]


def test_a_forecast_goes_as_far_as_the_schedule_allows() -> None:
    by = replace(a_policy(QUERY, min_replicas=2, max_replicas=10), schedules=(now_on("fair", max=15),))
    observation = an_observation(a_reading(QUERY, 40_000), pods=pods(4), forecasts=(a_forecast(peak=300.0),))
    decision, _ = decide(observation, by, a_state((15, 4)), NOW_S)
    assert decision.desired == 15
    assert "bounded by the most of schedule fair" in decision.message


def padded(
    count: int, usage_milli: int, percent: int = 50, state: State | None = None, **fields: object
) -> tuple[Decision, State]:
    by = scheduled(now_on("fair", padding_percent=percent), high=30, behavior=Behavior(), **fields)
    return decided(count, usage_milli, by, state)


def test_padding_comes_on_top_of_what_the_load_asks_for() -> None:
    decision, _ = padded(4, 75)
    assert decision.candidates[Source.STABILIZED] == 6
    assert (decision.desired, decision.reason) == (9, Reason.SCHEDULE_PADDING)
    assert decision.candidates[Source.SCHEDULE] == 9
    assert "schedule fair adds 50% to the 6 pods that are asked for; without padding it would be 6" in decision.message


def test_padding_does_not_pad_its_own_pods() -> None:
    """With a padding within the tolerance the formula answers with what is there."""
    count, state = 10, None
    for _ in range(5):
        decision, state = padded(count, 500 // count, percent=9, state=state)
        count = decision.desired
    assert count == 11


def test_pods_that_are_not_ready_yet_are_not_padded_again() -> None:
    by = scheduled(now_on("fair", padding_percent=50), high=30, behavior=Behavior())
    first, state = decided(4, 75, by)
    fresh = [replace(one, ready=False, start_s=NOW_S - 5, ready_changed_s=NOW_S - 5) for one in pods(first.desired)[4:]]
    count = first.desired
    for _ in range(4):
        seen = an_observation(a_reading(CPU, [75] * 4), pods=(*pods(4), *fresh))
        decision, state = decide(replace(seen, spec_replicas=count), by, state, NOW_S + 15)
        count = decision.desired
    assert count == first.desired == 9


def test_padding_stays_within_bounds_and_as_fast_as_the_user_lets_it() -> None:
    small = scheduled(now_on("fair", padding_percent=1000), high=8, behavior=Behavior())
    assert decided(4, 75, small)[0].desired == 8
    one = ScalingRules(policies=(ScalingPolicy(type=PolicyType.PODS, value=3, period_seconds=60),))
    slow = scheduled(now_on("fair", padding_percent=100), high=30, behavior=Behavior(scale_up=one))
    decision, _ = decided(4, 75, slow)
    assert decision.desired == 7
    assert "bounded by the policies of behavior.scaleUp" in decision.message


def test_nothing_is_padded_while_nothing_is_asked_for_or_known() -> None:
    by = replace(scheduled(now_on("fair", padding_percent=100)), metrics=(QUERY,), min_replicas=1)
    idle = an_observation(a_reading(QUERY, 0), pods=pods(1))
    assert decide(idle, by, a_state(), NOW_S)[0].desired == 1
    blind = an_observation(a_reading(QUERY, error="no answer"), pods=pods(3))
    assert decide(blind, by, a_state(), NOW_S)[0].desired == 3
    off = an_observation(a_reading(QUERY, 100_000), pods=())
    assert decide(off, by, a_state(), NOW_S)[0].desired == 0


def test_padding_follows_a_falling_load_only_after_the_window() -> None:
    by = scheduled(now_on("fair", padding_percent=50), high=30, max_metric_age_s=math.inf)
    high, state = decided(4, 75, by, a_state((15, 4)))
    low, state = decided(high.desired, 20, by, state, NOW_S + 60)
    assert low.desired == 9
    later, _ = decided(9, 20, by, state, NOW_S + 1000)
    assert later.desired == 6


def night(*, over: bool = False, **fields: object) -> Policy:
    end = datetime.fromtimestamp(NOW_S, UTC) + timedelta(hours=-1 if over else 1)
    at = end.strftime("%Y-%m-%dT%H:%M")
    return scheduled(Schedule(name="night", from_=LONG_AGO, to=at, replicas=0), **fields)


@pytest.mark.parametrize("gate", [False, True])
def test_a_schedule_takes_the_last_pod_and_brings_the_target_back(*, gate: bool) -> None:
    down, state = decided(3, 50, night(scale_to_zero=gate), a_state((15, 3)))
    assert (down.desired, down.reason) == (0, Reason.SCHEDULE_IN_FORCE)
    assert [(one.type, one.status) for one in down.once_written] == [("ScaledToZero", True)]
    state = changed(state, down, night(), NOW_S)
    empty = an_observation(a_reading(CPU, error="no pods"), pods=())
    asleep, state = decide(empty, night(scale_to_zero=gate), state, NOW_S + 15)
    assert (asleep.desired, asleep.message) == (0, "Stay at 0: schedule night asks for 0.")
    awake, state = decide(empty, night(over=True, scale_to_zero=gate), state, NOW_S + 30)
    assert (awake.desired, awake.reason) == (2, Reason.SCHEDULE_IN_FORCE)
    assert "no schedule keeps it at 0 any more, and minReplicas asks for at least 2" in awake.message
    assert changed(state, awake, night(over=True), NOW_S + 30).scaled_to_zero is False
    gone, _ = decide(empty, scheduled(), replace(state, scaled_to_zero=True, scheduled_to_zero=True), NOW_S + 30)
    assert gone.desired == 2, "the schedule may be deleted while it holds"


def test_a_target_that_a_person_set_to_zero_stays_off() -> None:
    empty = an_observation(a_reading(CPU, error="no pods"), pods=())
    decision, _ = decide(empty, scheduled(now_on(min=5)), State(scaled_to_zero=False), NOW_S)
    assert (decision.desired, decision.reason) == (0, Reason.SCALING_DISABLED)


def test_a_target_that_somebody_brought_back_and_took_down_again_stays_off() -> None:
    _, state = decided(3, 50, night(over=True), State(scaled_to_zero=True))
    empty = an_observation(a_reading(CPU, error="no pods"), pods=())
    assert decide(empty, night(over=True), state, NOW_S)[0].desired == 0


def test_padding_pads_of_a_forecast_no_more_than_it_may_add() -> None:
    """A forecast of 100 pods of which 2 may be added is one of 12, with padding too."""
    by = replace(scheduled(now_on(padding_percent=50), high=500, max_extra_pods=2), metrics=(QUERY,))
    seen = an_observation(a_reading(QUERY, 100_000), pods=pods(10), forecasts=(a_forecast(1000),))
    decision, _ = decide(seen, by, State(), NOW_S)
    assert decision.desired == 18


def test_padding_of_a_load_beyond_all_pods_is_a_count_that_a_status_may_have() -> None:
    by = replace(scheduled(now_on(padding_percent=50), high=500), metrics=(QUERY,))
    decision, _ = decide(an_observation(a_reading(QUERY, 10**17), pods=pods(10)), by, State(), NOW_S)
    assert (decision.desired, decision.candidates[Source.SCHEDULE]) == (500, 2**31 - 1)
