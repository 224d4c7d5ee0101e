"""A full cluster is not asked for ever more pods."""

from dataclasses import replace

import pytest

from autoscaler.api.types import CrossVersionObjectReference, Mode, PredictiveAutoscalerSpec
from autoscaler.model import PodPhase, PodView
from autoscaler.reasons import Reason
from autoscaler.scaling.decide import decide, initial_state, policy_of
from autoscaler.scaling.full_cluster import condition, unplaced
from autoscaler.scaling.types import Decision, Observation, Policy
from autoscaler.settings import ScalingSettings
from tests.builders import (
    NOW_S,
    a_forecast,
    a_pod,
    a_policy,
    a_query_metric,
    a_reading,
    an_observation,
    some_pods,
)

HELD = {"unschedulable_hold_s": 180.0}
WHY = "0/1 nodes are available: 1 Insufficient cpu."
QUERY = a_query_metric("10")


def waiting(name: str = "late", *, for_s: float = 181.0, **fields: object) -> PodView:
    """A pod that has had no node for so long."""
    since_s = NOW_S - for_s
    plain = {"phase": PodPhase.PENDING, "ready": None, "ready_changed_s": None, "start_s": None, "created_s": since_s}
    words = {"unschedulable_since_s": since_s, "unschedulable_why": WHY}
    return a_pod(name, **{**plain, **words, **fields})


def seen(*pods: PodView, load: int, forecasts: tuple[object, ...] = ()) -> Observation:
    return an_observation(a_reading(QUERY, load * 1000), pods=(*some_pods(3), *pods), forecasts=forecasts)


def decided(observation: Observation, **fields: object) -> Decision:
    policy: Policy = a_policy(QUERY, **{**HELD, **fields})
    return decide(observation, policy, initial_state(observation.spec_replicas, NOW_S - 1000), NOW_S)[0]


def told(*pods: PodView) -> tuple[bool, Reason, str]:
    found = condition(pods)
    assert found.type == "Schedulable"
    return found.status, found.reason, found.message


def test_the_count_is_not_raised_while_a_pod_has_had_no_node_for_long() -> None:
    decision = decided(seen(waiting(), load=70))
    assert (decision.current, decision.desired, decision.reason) == (4, 4, Reason.UNSCHEDULABLE)
    [limit] = decision.limits
    assert (limit.name, limit.before, limit.after) == ("scaling.unschedulable_hold_s", 7, 4)
    assert decision.message.startswith("Stay at 4: 1 pod of the target has no node (late: 0/1 nodes are available: 1 ")
    assert "; without it: " in decision.message


@pytest.mark.parametrize("for_s", [0, 10, 180])
def test_a_node_autoscaler_is_given_time(for_s: float) -> None:
    assert decided(seen(waiting(for_s=for_s), load=70)).desired == 7
    assert told(waiting(for_s=for_s))[:2] == (False, Reason.UNSCHEDULABLE)


def test_zero_seconds_never_hold() -> None:
    assert decided(seen(waiting(for_s=9999), load=70), unschedulable_hold_s=0.0).desired == 7


def test_scaling_down_is_not_held() -> None:
    assert decided(seen(waiting(), load=20)).desired == 2


def test_it_goes_on_when_the_pods_have_a_node() -> None:
    placed = replace(waiting(), unschedulable_since_s=None, node="two")
    assert decided(seen(placed, load=70)).desired == 7
    assert told(placed) == (True, Reason.SCHEDULABLE, "every pod of the target has a node")


def test_a_forecast_is_held_likewise() -> None:
    decision = decided(seen(waiting(), load=40, forecasts=(a_forecast(90.0),)))
    assert decision.desired == 4
    assert {source.value: count for source, count in decision.candidates.items()}["predicted"] == 9


def test_what_the_user_wants_at_least_is_asked_for_anyway() -> None:
    assert decided(seen(waiting(), load=70), min_replicas=6).desired == 6


def test_all_that_wait_are_counted_and_the_words_are_those_about_the_longest() -> None:
    pods = (waiting("b", for_s=5, unschedulable_why="another"), waiting("a", for_s=300), waiting("c", for_s=7))
    _, _, message = told(*some_pods(3), *pods)
    assert message == "3 pods of the target have no node (a: 0/1 nodes are available: 1 Insufficient cpu)"


def test_pods_that_go_do_not_wait() -> None:
    assert unplaced([waiting(deleting=True)]) == ()
    assert decided(seen(waiting(deleting=True), load=70)).desired == 7


@pytest.mark.parametrize(("settings", "hold_s"), [(ScalingSettings(), 180.0), (ScalingSettings(exact_hpa=True), 0.0)])
def test_the_exact_hpa_asks_for_ever_more(settings: ScalingSettings, hold_s: float) -> None:
    ref = CrossVersionObjectReference(kind="Deployment", name="shop")
    spec = PredictiveAutoscalerSpec(scale_target_ref=ref, mode=Mode.SCALE, max_replicas=5)
    assert policy_of(spec, settings, 60.0).unschedulable_hold_s == hold_s
