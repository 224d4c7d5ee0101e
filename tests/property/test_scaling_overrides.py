"""What must hold of every decision with pauses, fallbacks, bursts, activation and roll-outs, whatever was seen."""

import copy
from dataclasses import replace
from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st

from autoscaler.api.overrides import Burst, Fallback, FallbackBehavior, Pause
from autoscaler.api.types import MetricSpec, PrometheusMetricSource
from autoscaler.model import PodView
from autoscaler.scaling.decide import after_blindness, decide, initial_state
from autoscaler.scaling.policy import EXACT, down_window_s
from autoscaler.scaling.types import Bursting, Condition, MetricReading, Observation, Policy, Recommendation, Source, State
from tests.builders import NOW_S, a_forecast, a_pod, a_policy, a_query_metric, a_reading, an_observation, some_pods
from tests.property.test_scaling_decisions import (
    METRICS,
    ages_s,
    behaviors,
    blind_readings,
    counts,
    is_of_all,
    many,
    scenes,
    states,
)

Scene = tuple[Observation, Policy, State]

PAUSES = [Pause(all=True), Pause(scale_in=True), Pause(scale_out=True), Pause(scale_in=True, scale_out=True)]
pauses = st.none() | st.sampled_from(PAUSES) | st.builds(Pause, replicas=st.integers(0, 60))
fallbacks = st.none() | st.builds(
    Fallback,
    behavior=st.sampled_from(FallbackBehavior),
    replicas=st.integers(1, 60),
    after_seconds=st.sampled_from([0, 60, 180]),
)
bursts = st.none() | st.builds(
    Burst, threshold_percent=st.sampled_from([110, 200]), window_seconds=st.just(30), hold_seconds=st.sampled_from([1, 60, 300])
)
under_way = st.none() | st.builds(
    lambda begun, highest, ago_s: Bursting(NOW_S - begun, highest, NOW_S - min(begun, ago_s)), ages_s, counts, ages_s
)


@st.composite
def overridden(draw: st.DrawFn) -> Scene:
    """Any scene, with all that an object can say beside load."""
    observation, policy, state = draw(scenes())
    short = tuple(draw(st.none() | st.just(reading)) for reading in observation.readings)
    observation = replace(observation, short=short, unseen=draw(st.booleans()) and draw(st.booleans()))
    policy = replace(policy, pause=draw(pauses), fallback=draw(fallbacks), burst=draw(bursts))
    since_s = draw(st.none() | ages_s.map(lambda ago_s: NOW_S - ago_s))
    return observation, policy, replace(state, blind_since_s=since_s, burst=draw(under_way), paused_to_zero=draw(st.booleans()))


@many
@given(overridden())
def test_the_result_is_within_bounds_but_for_a_pause(scene: Scene) -> None:
    observation, policy, state = scene
    decision, _ = decide(observation, policy, state, NOW_S)
    current, pause = observation.spec_replicas, policy.pause
    if pause is not None and pause.replicas is not None:
        assert decision.desired == pause.replicas
    elif pause is not None and (pause.all or pause.scale_in or pause.scale_out):
        assert decision.desired >= current or not (pause.all or pause.scale_in)
        assert decision.desired <= current or not (pause.all or pause.scale_out)
        assert min(current, policy.min_replicas) <= decision.desired <= max(current, policy.max_replicas)
    elif current == 0:
        assert decision.desired == (policy.min_replicas if state.paused_to_zero else 0)
    else:
        assert policy.min_replicas <= decision.desired <= policy.max_replicas


@many
@given(overridden())
def test_a_decision_is_pure_and_the_same_for_the_same(scene: Scene) -> None:
    before = copy.deepcopy(scene)
    first = decide(*scene, NOW_S)
    assert repr(scene) == repr(before)
    assert repr(decide(*scene, NOW_S)) == repr(first)
    kinds = [condition.type for condition in first[0].conditions]
    assert len(set(kinds)) == len(kinds)


@many
@given(overridden())
def test_what_an_object_says_beside_load_leaves_the_hpa_alone(scene: Scene) -> None:
    """Its candidate, and without a fallback what it remembers, are those of an object that says nothing."""
    observation, policy, state = scene
    plain, after = decide(observation, replace(policy, pause=None, fallback=None, burst=None), state, NOW_S)
    decision, said = decide(observation, policy, state, NOW_S)
    assert decision.candidates[Source.STABILIZED] == plain.candidates[Source.STABILIZED]
    if policy.fallback is None:
        assert replace(said, burst=None, paused_to_zero=False) == replace(after, burst=None, paused_to_zero=False)


@many
@given(overridden())
def test_limits_tell_how_the_result_came_about(scene: Scene) -> None:
    decision, _ = decide(*scene, NOW_S)
    if decision.limits:
        assert decision.limits[-1].after == decision.desired
        assert all(limit.before != limit.after for limit in decision.limits)
        assert all(one.after == two.before for one, two in pairwise(decision.limits))


def blind(data: st.DataObject, current: int) -> tuple[Observation, Policy]:
    """A target within its bounds, none of whose metrics can be used."""
    names = [f"shop-{index}" for index in range(current)]
    specs = tuple(data.draw(st.permutations(METRICS))[: data.draw(st.integers(1, 2))])
    seen = [data.draw(blind_readings(spec, names)) for spec in specs]
    policy = a_policy(*specs, max_replicas=50, behavior=data.draw(behaviors), burst=data.draw(bursts), forecast_enabled=False)
    return an_observation(*seen, pods=some_pods(current), short=(None,)), policy


@many
@given(st.data())
def test_without_a_fallback_blind_metrics_never_remove_a_pod(data: st.DataObject) -> None:
    current = data.draw(st.integers(1, 12))
    observation, policy = blind(data, current)
    state = replace(data.draw(states()), blind_since_s=NOW_S - 9999, burst=data.draw(under_way))
    assert decide(observation, policy, state, NOW_S)[0].desired >= current


@many
@given(st.data())
def test_a_fallback_removes_pods_only_through_the_window(data: st.DataObject) -> None:
    current = data.draw(st.integers(1, 12))
    observation, policy = blind(data, current)
    policy = replace(policy, fallback=data.draw(fallbacks))
    state = replace(data.draw(states()), blind_since_s=NOW_S - 9999)
    decision, after = decide(observation, policy, state, NOW_S)
    window_s = down_window_s(policy)
    recent = max((one.replicas for one in state.recommendations if one.at_s > NOW_S - window_s), default=0)
    assert decision.desired >= min(current, recent)
    if policy.fallback is not None:
        assert Recommendation(NOW_S, decision.candidates[Source.FALLBACK]) in after.recommendations


@many
@given(st.data())
def test_where_nobody_knows_the_target_nothing_moves_but_by_a_pause(data: st.DataObject) -> None:
    current = data.draw(st.integers(1, 12))
    observation, policy = blind(data, current)
    policy = replace(policy, fallback=data.draw(fallbacks))
    state = replace(data.draw(states()), blind_since_s=NOW_S - 9999, burst=data.draw(under_way))
    assert decide(replace(observation, unseen=True), policy, state, NOW_S)[0].desired == current


@st.composite
def rolled_out(draw: st.DrawFn) -> tuple[tuple[PodView, ...], int]:
    """Ready pods of which some have just started, and how many are wanted of them."""
    old, new = draw(st.integers(1, 10)), draw(st.integers(0, 6))
    age_s = draw(st.sampled_from([90.0, 150.0, 290.0, 301.0]))
    young = {"start_s": NOW_S - age_s, "ready_changed_s": NOW_S - age_s + 10}
    pods = (*some_pods(old), *(a_pod(f"shop-{old + index}", **young) for index in range(new)))
    return pods, draw(st.integers(1, len(pods)))


def loaded(metric: MetricSpec, pods: tuple[PodView, ...], values: list[int]) -> MetricReading:
    if is_of_all(metric):
        return a_reading(metric, sum(values) * 1000)
    scale = 10**8 if metric.resource is not None and metric.resource.name == "memory" else 1
    return a_reading(metric, {pod.name: value * scale for pod, value in zip(pods, values, strict=True)})


ACTIVATED = MetricSpec(
    type=a_query_metric().type,
    prometheus=PrometheusMetricSource(
        query="queue", target=(a_query_metric().prometheus or PrometheusMetricSource).target, activation="300"
    ),
)


@many
@given(st.data())
def test_more_load_never_means_fewer_pods(data: st.DataObject) -> None:
    """Also in a roll-out, where the exact formula breaks it; with bursts, activation and forecasts."""
    metric = data.draw(st.sampled_from([*METRICS, ACTIVATED]))
    pods, wanted = data.draw(rolled_out())
    less = data.draw(st.lists(st.integers(0, 400), min_size=len(pods), max_size=len(pods)))
    more = [value + data.draw(st.integers(0, 200)) for value in less]
    policy = a_policy(
        metric,
        min_replicas=0 if metric is ACTIVATED else 1,
        scale_to_zero=True,
        behavior=data.draw(behaviors),
        burst=data.draw(bursts),
        pause=data.draw(st.none() | st.sampled_from(PAUSES)),
    )
    state = replace(data.draw(states()), burst=data.draw(under_way))
    peak, extra = data.draw(st.floats(0, 30)), data.draw(st.floats(0, 10))

    def desired(values: list[int], peak: float) -> int:
        reading = loaded(metric, pods, values)
        forecasts = (a_forecast(peak),)
        observation = an_observation(reading, pods=pods, replicas=wanted, status_replicas=len(pods), forecasts=forecasts)
        return decide(replace(observation, short=(reading,)), policy, state, NOW_S)[0].desired

    assert desired(less, peak) <= desired(more, peak + extra)


@many
@given(st.data())
def test_what_a_roll_out_is_left_out_of_lies_between_what_is_there_and_the_exact_formula(data: st.DataObject) -> None:
    metric = data.draw(st.sampled_from(METRICS))
    pods, wanted = data.draw(rolled_out())
    reading = loaded(metric, pods, data.draw(st.lists(st.integers(0, 400), min_size=len(pods), max_size=len(pods))))
    observation = an_observation(reading, pods=pods, replicas=wanted, status_replicas=len(pods))
    policy = a_policy(metric, max_replicas=10_000)
    [ours] = decide(observation, policy, State(), NOW_S)[0].metrics
    [exact] = decide(observation, replace(policy, departures=EXACT), State(), NOW_S)[0].metrics
    assume(ours.proposal is not None and exact.proposal is not None)
    assert min(wanted, exact.proposal or 0) <= (ours.proposal or 0) <= (exact.proposal or 0)
    assert ours.exact == (exact.proposal if ours.proposal != exact.proposal else None)


@many
@given(overridden())
def test_after_a_restart_no_pod_goes_before_the_window_is_over(scene: Scene) -> None:
    """The present count is the first recommendation; a pause and a fallback are what somebody wrote."""
    observation, policy, _ = scene
    current = observation.spec_replicas
    policy = replace(policy, pause=None, fallback=None, behavior=None, downscale_stabilization_s=300)
    assume(policy.min_replicas <= current <= policy.max_replicas)
    state = initial_state(current, NOW_S - 299)
    assert decide(observation, policy, state, NOW_S)[0].desired >= current
    assert decide(observation, policy, after_blindness(State(), current, NOW_S - 299), NOW_S)[0].desired >= current


@many
@given(overridden())
def test_each_condition_has_a_reason_that_fits_its_status(scene: Scene) -> None:
    def find(kind: str) -> Condition:
        [found] = [one for one in decision.conditions if one.type == kind]
        return found

    observation, policy, state = scene
    decision, after = decide(observation, policy, state, NOW_S)
    assert find("Paused").status is (policy.pause is not None)
    if Source.REACTIVE in decision.candidates or after.blind_since_s is None or Source.FALLBACK in decision.candidates:
        assert find("Fallback").status is (Source.FALLBACK in decision.candidates)
    else:  # metrics failed, and nobody looked at them in this pass
        assert not any(one.status for one in decision.conditions if one.type == "Fallback")
    if policy.burst is not None and observation.selector_fault is None:
        assert find("Burst").status is (after.burst is not None)
