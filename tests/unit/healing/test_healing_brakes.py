from collections.abc import Mapping
from dataclasses import replace

import pytest

from autoscaler.api.types import HealingBreaker, HealingPolicySpec
from autoscaler.healing.brakes import allowed_unavailable
from autoscaler.healing.decide import decide
from autoscaler.healing.types import ActRecord, ActState, Observation, State, Verb
from autoscaler.model import WorkloadKey
from autoscaler.reasons import Reason
from tests.unit.healing.scenes import (
    NOW_S,
    SHOP,
    a_faulty_pod,
    a_policy,
    a_workload,
    an_act,
    an_observation,
    the_only,
)


def _refusal(observation: Observation, *acts: ActRecord, policy: HealingPolicySpec | None = None) -> tuple[Reason, str]:
    decision, _ = decide(observation, policy or a_policy(), State(acts), NOW_S)
    pod = the_only(decision)
    assert pod.verb is Verb.REFUSE
    assert pod.fault is Reason.NOT_READY_TOO_LONG
    return pod.reason, pod.message


def _evicts(observation: Observation, *acts: ActRecord, policy: HealingPolicySpec | None = None) -> bool:
    decision, _ = decide(observation, policy or a_policy(), State(acts), NOW_S)
    return the_only(decision).verb is Verb.EVICT


@pytest.mark.parametrize("age_s", [30.1, 1e9, float("nan"), float("inf")])
def test_a_stale_observation_restarts_nothing(age_s: float) -> None:
    reason, message = _refusal(an_observation(age_s=age_s))
    assert reason is Reason.REFUSED_STALE
    assert "news younger than 30 s must arrive" in message


def test_an_observation_of_thirty_seconds_is_still_fresh() -> None:
    assert _evicts(an_observation(age_s=30.0))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"workload": None}, "no workload owns it"),
        ({"mirror": True}, "static pod"),
        ({"workload": WorkloadKey("default", "DaemonSet", "agent")}, "DaemonSet"),
        ({"priority_class": "system-cluster-critical"}, "system-cluster-critical"),
        ({"priority_class": "system-node-critical"}, "system-node-critical"),
        ({"annotations": {"foresail.dev/heal": "false"}}, "foresail.dev/heal"),
        ({"annotations": {"foresail.dev/heal": " False "}}, "foresail.dev/heal"),
        ({"namespace": "kube-system"}, "kube-system"),
        ({"disruption_target": True}, "DisruptionTarget"),
    ],
)
def test_protected_pods_are_left_alone_and_the_message_says_why(changes: Mapping[str, object], says: str) -> None:
    reason, message = _refusal(an_observation(a_faulty_pod(**changes)))
    assert reason is Reason.REFUSED_PROTECTED
    assert says in message


@pytest.mark.parametrize("value", ["true", "", "yes"])
def test_only_false_opts_out(value: str) -> None:
    assert _evicts(an_observation(a_faulty_pod(annotations={"foresail.dev/heal": value})))


def test_a_workload_that_was_not_seen_is_not_touched() -> None:
    reason, message = _refusal(an_observation(workloads=[]))
    assert reason is Reason.REFUSED_STALE
    assert str(SHOP) in message


def test_pods_on_a_node_that_is_not_ready_are_left_to_the_node_controller() -> None:
    reason, message = _refusal(an_observation(nodes_not_ready=["node-1"]))
    assert reason is Reason.REFUSED_NODE_NOT_READY
    assert "node-1" in message
    assert _evicts(an_observation(nodes_not_ready=["node-2"]))


def test_a_rollout_in_progress_is_not_disturbed() -> None:
    assert _refusal(an_observation(workloads=[a_workload(rolling_out=True)]))[0] is Reason.REFUSED_ROLLOUT


def test_an_earlier_act_must_show_its_outcome_first() -> None:
    reason, message = _refusal(an_observation(), an_act(ago_s=60.0, state=ActState.DONE))
    assert reason is Reason.PENDING_OUTCOME
    assert "or 60 s pass" in message


def test_the_interval_must_pass_after_an_act_that_helped() -> None:
    reason, message = _refusal(an_observation(), an_act(ago_s=299.0))
    assert reason is Reason.REFUSED_INTERVAL
    assert "acted on 299 s ago and the interval is now 300 s" in message
    assert _evicts(an_observation(), an_act(ago_s=300.0))


@pytest.mark.parametrize("unhelpful", [ActState.UNHEALED, ActState.FAILED])
@pytest.mark.parametrize(("in_a_row", "interval_s"), [(1, 600.0), (2, 1200.0), (3, 2400.0), (5, 9600.0)])
def test_the_interval_doubles_with_each_act_that_did_not_help(unhelpful: ActState, in_a_row: int, interval_s: float) -> None:
    acts = [an_act(ago_s=interval_s + 1000.0 * back, state=unhelpful) for back in range(in_a_row)]
    just_before = [replace(act, at_s=act.at_s + 1.0) for act in acts]
    assert _refusal(an_observation(), *just_before)[0] is Reason.REFUSED_INTERVAL
    assert _evicts(an_observation(), *acts)


def test_the_interval_stops_doubling_after_five_times() -> None:
    acts = [an_act(ago_s=9600.0 + 1000.0 * back, state=ActState.UNHEALED) for back in range(9)]
    assert _evicts(an_observation(), *acts)


def test_an_act_that_helped_ends_the_back_off() -> None:
    acts = [an_act(ago_s=2000.0, state=ActState.UNHEALED), an_act(ago_s=1500.0, state=ActState.UNHEALED), an_act(ago_s=301.0)]
    assert _evicts(an_observation(), *acts)


def test_acts_on_other_workloads_do_not_count_for_the_interval() -> None:
    assert _evicts(an_observation(), an_act(ago_s=10.0, workload=replace(SHOP, name="other")))


def test_the_hourly_budget_counts_acts_on_all_workloads_of_the_policy() -> None:
    acts = [an_act(ago_s=3599.0 - at, workload=replace(SHOP, name=f"other-{at}")) for at in range(6)]
    reason, message = _refusal(an_observation(), *acts)
    assert reason is Reason.REFUSED_HOURLY_BUDGET
    assert "6 acts within the last hour use up perHour 6" in message
    assert _evicts(an_observation(), *acts[1:])


def test_an_hourly_budget_of_zero_never_restarts() -> None:
    assert _refusal(an_observation(), policy=a_policy(per_hour=0))[0] is Reason.REFUSED_HOURLY_BUDGET


def test_a_full_book_of_acts_that_still_count_refuses_more() -> None:
    acts = [an_act(ago_s=100.0 + at, workload=replace(SHOP, name=f"w{at}")) for at in range(100)]
    reason, message = _refusal(an_observation(), *acts, policy=a_policy(per_hour=1000))
    assert reason is Reason.REFUSED_HOURLY_BUDGET
    assert "no more fit" in message


@pytest.mark.parametrize(
    ("max_unavailable", "replicas", "ready", "evicts"),
    [
        (1, 3, 2, True),
        (1, 3, 1, False),
        (2, 3, 1, True),
        (0, 3, 2, False),
        ("25%", 3, 2, True),  # rounds down to 0, but at least 1
        ("25%", 10, 8, True),
        ("25%", 10, 7, False),
        ("100%", 4, 0, True),
        (1, 1, 0, True),  # it is down already
        (1, 3, 3, True),  # a pod too many is the faulty one
    ],
)
def test_max_unavailable_counts_the_faulty_pod_once(
    max_unavailable: int | str, replicas: int, ready: int, *, evicts: bool
) -> None:
    observation = an_observation(workloads=[a_workload(replicas=replicas, ready=ready)])
    policy = a_policy(max_unavailable=max_unavailable)
    if evicts:
        assert _evicts(observation, policy=policy)
    else:
        assert _refusal(observation, policy=policy)[0] is Reason.REFUSED_MAX_UNAVAILABLE


def test_a_max_unavailable_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ValueError, match="'many' is neither a number nor a percentage"):
        allowed_unavailable(a_policy(max_unavailable="many").budget, 3)


def _failing(count: int, of: int, **pod: object) -> Observation:
    keys = [replace(SHOP, name=f"w{at}") for at in range(of)]
    pods = [a_faulty_pod(f"{key.name}-1", workload=key, **pod) for key in keys[:count]]
    return an_observation(*pods, workloads=[a_workload(key) for key in keys])


def test_the_breaker_opens_when_more_than_the_share_of_workloads_fails() -> None:
    half, _ = decide(_failing(2, of=4), a_policy(), State(), NOW_S)
    assert not half.breaker_open
    most, state = decide(_failing(3, of=4), a_policy(), State(), NOW_S)
    assert most.breaker_open
    assert {pod.reason for pod in most.pods} == {Reason.REFUSED_BREAKER_OPEN}
    assert state.breaker_open_until_s is not None


def test_the_breaker_needs_enough_workloads_to_tell() -> None:
    decision, _ = decide(_failing(2, of=2), a_policy(), State(), NOW_S)
    assert not decision.breaker_open


def test_the_breaker_counts_workloads_and_not_pods() -> None:
    pods = [a_faulty_pod(f"shop-{at}") for at in range(20)]
    others = [a_workload(replace(SHOP, name=name), ready=3) for name in ("a", "b", "c")]
    decision, _ = decide(
        an_observation(*pods, workloads=[a_workload(replicas=20, ready=0), *others]), a_policy(), State(), NOW_S
    )
    assert not decision.breaker_open


def test_the_breaker_stays_open_for_the_cool_down_after_the_share_fell() -> None:
    policy = a_policy(breaker=HealingBreaker(cooldown_seconds=600))
    _, state = decide(_failing(3, of=4), policy, State(), NOW_S)
    calm, state = decide(_failing(1, of=4, now_s=NOW_S + 600.0), policy, state, NOW_S + 600.0)
    assert calm.breaker_open
    assert the_only(calm).reason is Reason.REFUSED_BREAKER_OPEN
    later, state = decide(_failing(1, of=4, now_s=NOW_S + 661.0), policy, state, NOW_S + 661.0)
    assert not later.breaker_open
    assert the_only(later).verb is Verb.EVICT
    assert state.breaker_open_until_s is None


def test_a_storm_that_lasts_keeps_the_breaker_open_without_a_change_in_every_pass() -> None:
    policy, state, untils = a_policy(), State(), set()
    for at in range(0, 600, 5):
        decision, state = decide(_failing(3, of=4, now_s=NOW_S + at), policy, state, NOW_S + at)
        assert decision.breaker_open
        assert state.breaker_open_until_s is not None
        assert state.breaker_open_until_s >= NOW_S + at + 600.0
        untils.add(state.breaker_open_until_s)
    assert len(untils) <= 11


def test_a_breaker_time_from_a_clock_that_ran_ahead_does_not_keep_it_open() -> None:
    _, state = decide(_failing(1, of=4), a_policy(), State(breaker_open_until_s=NOW_S + 1e6), NOW_S)
    assert state.breaker_open_until_s == NOW_S + 660.0


def test_a_storm_is_seen_before_its_first_pod_is_restarted() -> None:
    keys = [replace(SHOP, name=f"w{at}") for at in range(4)]
    pods = [a_faulty_pod(f"{key.name}-1", workload=key, unready_s=301.0 - 20.0 * at) for at, key in enumerate(keys)]
    decision, _ = decide(an_observation(*pods, workloads=map(a_workload, keys)), a_policy(), State(), NOW_S)
    assert decision.breaker_open
    assert Verb.EVICT not in {pod.verb for pod in decision.pods}


def test_pods_that_are_still_starting_do_not_look_like_a_storm() -> None:
    keys = [replace(SHOP, name=f"w{at}") for at in range(4)]
    starting = [a_faulty_pod(f"{key.name}-1", workload=key, unready_s=250.0, start_s=NOW_S - 251.0) for key in keys[1:]]
    ill = a_faulty_pod("w0-1", workload=keys[0])
    decision, _ = decide(an_observation(ill, *starting, workloads=map(a_workload, keys)), a_policy(), State(), NOW_S)
    assert not decision.breaker_open
    assert decision.pods[0].verb is Verb.EVICT


def test_a_stale_observation_does_not_open_the_breaker() -> None:
    decision, _ = decide(replace(_failing(4, of=4), age_s=31.0), a_policy(), State(), NOW_S)
    assert not decision.breaker_open
    assert {pod.reason for pod in decision.pods} == {Reason.REFUSED_STALE}


def test_refusals_are_told_in_a_fixed_order() -> None:
    acts = [an_act(ago_s=10.0, state=ActState.DONE)]
    workloads = [a_workload(rolling_out=True, ready=0)]
    pod = a_faulty_pod(annotations={"foresail.dev/heal": "false"})
    observation = an_observation(pod, workloads=workloads, nodes_not_ready=["node-1"], age_s=99.0)
    assert _refusal(observation, *acts)[0] is Reason.REFUSED_STALE
    observation = replace(observation, age_s=1.0)
    assert _refusal(observation, *acts)[0] is Reason.REFUSED_PROTECTED
    observation = replace(observation, pods=(a_faulty_pod(),))
    assert _refusal(observation, *acts)[0] is Reason.REFUSED_NODE_NOT_READY
    observation = replace(observation, nodes_not_ready=frozenset())
    assert _refusal(observation, *acts)[0] is Reason.REFUSED_ROLLOUT
    observation = replace(observation, workloads=(a_workload(ready=0),))
    assert _refusal(observation, *acts)[0] is Reason.PENDING_OUTCOME
    assert _refusal(observation, an_act(ago_s=10.0))[0] is Reason.REFUSED_INTERVAL
    assert _refusal(observation)[0] is Reason.REFUSED_MAX_UNAVAILABLE
