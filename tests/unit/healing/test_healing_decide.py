from dataclasses import replace

import pytest

from autoscaler.api.types import HealingAction, HealingMode
from autoscaler.healing.decide import decide, reserve, settle
from autoscaler.healing.types import ActState, Limits, Observation, State, Verb
from autoscaler.model import PodPhase, WorkloadKey
from autoscaler.reasons import Reason
from tests.unit.healing.scenes import (
    NOW_S,
    SHOP,
    a_faulty_pod,
    a_policy,
    a_ready_pod,
    a_workload,
    an_act,
    an_observation,
    the_only,
)


def test_a_pod_unready_for_too_long_is_evicted() -> None:
    decision, _ = decide(an_observation(), a_policy(), State(), NOW_S)
    pod = the_only(decision)
    assert (pod.verb, pod.reason, pod.fault) == (Verb.EVICT, Reason.NOT_READY_TOO_LONG, Reason.NOT_READY_TOO_LONG)
    assert "default/shop-1 has not been Ready for 400 s" in pod.message


def test_a_pod_unready_for_exactly_the_toleration_is_still_tolerated() -> None:
    decision, _ = decide(an_observation(a_faulty_pod(unready_s=300.0)), a_policy(), State(), NOW_S)
    pod = the_only(decision)
    assert (pod.verb, pod.reason, pod.fault) == (Verb.NONE, Reason.TOLERATING, None)


def test_the_toleration_counts_from_the_start_of_the_pod_when_that_is_later() -> None:
    pod = a_faulty_pod(unready_s=1000.0, start_s=NOW_S - 100.0)
    decision, _ = decide(an_observation(pod), a_policy(), State(), NOW_S)
    assert the_only(decision).reason is Reason.TOLERATING


@pytest.mark.parametrize(
    "changes",
    [
        {"phase": PodPhase.PENDING},
        {"phase": PodPhase.FAILED},
        {"phase": PodPhase.SUCCEEDED},
        {"phase": PodPhase.UNKNOWN},
        {"ready": None},
        {"ready": True},
        {"deleting": True},
        {"ready_changed_s": None},
    ],
)
def test_nothing_is_done_about_a_pod_that_is_not_certainly_faulty(changes: dict[str, object]) -> None:
    decision, _ = decide(an_observation(a_faulty_pod(**changes)), a_policy(), State(), NOW_S)
    assert decision.pods == ()


def test_a_node_whose_clock_is_late_does_not_make_a_young_pod_an_old_fault() -> None:
    pod = a_faulty_pod(unready_s=1000.0, start_s=NOW_S - 1000.0, created_s=NOW_S - 100.0)
    decision, _ = decide(an_observation(pod), a_policy(), State(), NOW_S)
    assert the_only(decision).reason is Reason.TOLERATING


def test_a_fault_in_the_future_is_tolerated() -> None:
    decision, _ = decide(an_observation(a_faulty_pod(unready_s=-500.0)), a_policy(), State(), NOW_S)
    assert the_only(decision).verb is Verb.NONE


def test_a_fault_that_the_policy_does_not_name_is_not_looked_for() -> None:
    decision, _ = decide(an_observation(), a_policy(for_seconds=None), State(), NOW_S)
    assert decision.pods == ()


def test_healthy_pods_are_only_counted() -> None:
    decision, _ = decide(an_observation(a_ready_pod("a"), a_ready_pod("b"), a_faulty_pod()), a_policy(), State(), NOW_S)
    assert decision.healthy == 2
    assert decision.message == "2 pods are Ready, 1 to evict."
    assert the_only(decision).pod.name == "shop-1"


def test_a_policy_without_evict_only_reports() -> None:
    decision, _ = decide(an_observation(), a_policy(actions=(HealingAction.NOTIFY,)), State(), NOW_S)
    pod = the_only(decision)
    assert (pod.verb, pod.reason) == (Verb.NOTIFY, Reason.NOT_READY_TOO_LONG)


def test_observe_mode_says_what_would_be_evicted_and_does_not() -> None:
    decision, _ = decide(an_observation(), a_policy(mode=HealingMode.OBSERVE), State(), NOW_S)
    pod = the_only(decision)
    assert (pod.verb, pod.reason, pod.fault) == (Verb.NOTIFY, Reason.MODE_OBSERVE, Reason.NOT_READY_TOO_LONG)
    assert "would be evicted" in pod.message


def test_observe_mode_refuses_as_heal_mode_does() -> None:
    observation = an_observation(workloads=[a_workload(rolling_out=True)])
    heal, _ = decide(observation, a_policy(), State(), NOW_S)
    observe, _ = decide(observation, a_policy(mode=HealingMode.OBSERVE), State(), NOW_S)
    assert heal == observe


@pytest.mark.parametrize(("mode", "verb"), [(HealingMode.HEAL, Verb.EVICT), (HealingMode.OBSERVE, Verb.NOTIFY)])
def test_only_the_longest_ill_pod_of_a_workload_is_acted_on_in_one_pass(mode: HealingMode, verb: Verb) -> None:
    pods = [a_faulty_pod("young", unready_s=400.0), a_faulty_pod("old", unready_s=900.0)]
    workloads = [a_workload(replicas=5, ready=3)]
    decision, _ = decide(an_observation(*pods, workloads=workloads), a_policy(mode=mode, max_unavailable=2), State(), NOW_S)
    assert [(pod.pod.name, pod.verb) for pod in decision.pods] == [("old", verb), ("young", Verb.REFUSE)]
    assert decision.pods[1].reason is Reason.PENDING_OUTCOME


def test_acts_chosen_in_one_pass_count_against_the_hourly_budget() -> None:
    keys = [WorkloadKey("default", "Deployment", name) for name in "abc"]
    pods = [a_faulty_pod(f"{key.name}-1", workload=key) for key in keys]
    workloads = [a_workload(WorkloadKey("default", "Deployment", name)) for name in "abcdefgh"]
    decision, state = decide(an_observation(*pods, workloads=workloads), a_policy(per_hour=2), State(), NOW_S)
    assert [pod.verb for pod in decision.pods] == [Verb.EVICT, Verb.EVICT, Verb.REFUSE]
    assert decision.pods[2].reason is Reason.REFUSED_HOURLY_BUDGET
    assert state.acts == (), "a decision that is not carried out costs nothing"


def test_a_reserved_act_counts_even_when_the_service_died_before_it_was_settled() -> None:
    decision, state = decide(an_observation(), a_policy(per_hour=1, interval_seconds=10), State(), NOW_S)
    reserved = reserve(state, the_only(decision), NOW_S)
    assert [act.state for act in reserved.acts] == [ActState.RESERVED]
    later, after = decide(
        an_observation(a_faulty_pod("other")), a_policy(per_hour=1, interval_seconds=10), reserved, NOW_S + 130.0
    )
    assert the_only(later).reason is Reason.REFUSED_HOURLY_BUDGET
    assert [act.state for act in after.acts] == [ActState.UNHEALED]


def test_settling_touches_only_the_reserved_act_of_that_pod() -> None:
    old, new = an_act(ago_s=100.0, state=ActState.FAILED, uid="u"), an_act(ago_s=1.0, state=ActState.RESERVED, uid="u")
    state = settle(State((old, new)), "u", ActState.DONE)
    assert [act.state for act in state.acts] == [ActState.FAILED, ActState.DONE]
    assert settle(state, "u", ActState.FAILED) == state
    assert settle(state, "unknown", ActState.DONE) == state


def test_an_act_cannot_be_reserved_on_a_pod_that_nothing_owns() -> None:
    decision, state = decide(an_observation(), a_policy(), State(), NOW_S)
    bare = replace(the_only(decision), pod=a_faulty_pod(workload=None))
    with pytest.raises(ValueError, match="default/shop-1: no workload owns it"):
        reserve(state, bare, NOW_S)


def _after_an_act(observation: Observation, ago_s: float, limits: Limits | None = None) -> ActState:
    state = State((an_act(ago_s=ago_s, state=ActState.DONE),))
    decision, after = decide(observation, a_policy(), state, NOW_S, limits or Limits())
    assert [act.state for act in decision.outcomes] == [act.state for act in after.acts if act.state is not ActState.DONE]
    return after.acts[0].state


def test_an_act_is_healed_once_all_replicas_are_ready() -> None:
    assert _after_an_act(an_observation(a_ready_pod(), workloads=[a_workload(ready=3)]), ago_s=60.0) is ActState.HEALED


def test_an_act_is_pending_within_its_time_and_unhealed_after_it() -> None:
    observation = an_observation(workloads=[a_workload(ready=2)])
    assert _after_an_act(observation, ago_s=119.0) is ActState.DONE
    assert _after_an_act(observation, ago_s=120.0) is ActState.UNHEALED
    assert _after_an_act(observation, ago_s=120.0, limits=Limits(outcome_s=200.0)) is ActState.DONE


def test_a_stale_observation_says_nothing_about_outcomes() -> None:
    observation = an_observation(a_ready_pod(), workloads=[a_workload(ready=3)], age_s=31.0)
    assert _after_an_act(observation, ago_s=60.0) is ActState.DONE
    assert _after_an_act(observation, ago_s=600.0) is ActState.DONE


def test_an_act_whose_pod_is_still_there_unready_has_not_healed() -> None:
    observation = an_observation(a_faulty_pod(uid="uid-old"), workloads=[a_workload(ready=3)])
    assert _after_an_act(observation, ago_s=10.0) is ActState.DONE


def test_an_act_on_a_workload_that_is_gone_does_not_count_as_healed() -> None:
    assert _after_an_act(an_observation(a_ready_pod(), workloads=[]), ago_s=500.0) is ActState.UNHEALED


def test_deciding_twice_gives_the_same() -> None:
    state = State((an_act(ago_s=700.0, state=ActState.UNHEALED), an_act(ago_s=50.0, state=ActState.DONE)))
    once, after = decide(an_observation(), a_policy(), state, NOW_S)
    again, after_again = decide(an_observation(), a_policy(), after, NOW_S)
    assert after_again == after
    assert again.pods == once.pods


def test_the_order_of_the_pods_does_not_matter() -> None:
    pods = [a_faulty_pod(name, workload=replace(SHOP, name=name)) for name in "abcd"]
    workloads = [a_workload(replace(SHOP, name=name)) for name in "abcdefghijk"]
    forth, _ = decide(an_observation(*pods, workloads=workloads), a_policy(per_hour=2), State(), NOW_S)
    back, _ = decide(an_observation(*reversed(pods), workloads=workloads), a_policy(per_hour=2), State(), NOW_S)
    assert forth == back
