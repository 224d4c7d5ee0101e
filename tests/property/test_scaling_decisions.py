"""What must hold of every decision, whatever was seen."""

import copy
from dataclasses import replace

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from autoscaler.api.types import Behavior, MetricSpec, MetricType, PolicyType, ScalingPolicy, ScalingRules, SelectPolicy
from autoscaler.model import Forecast, GateState, PodPhase, PodView
from autoscaler.reasons import Reason
from autoscaler.scaling.decide import decide, initial_state, record_scale
from autoscaler.scaling.types import Action, MetricReading, Observation, Policy, Recommendation, ScaleEvent, Source, State
from tests.builders import (
    NOW_S,
    a_forecast,
    a_metric_of_all,
    a_pod,
    a_policy,
    a_query_metric,
    a_reading,
    a_resource_metric,
    an_observation,
    some_pods,
)

METRICS = (
    a_resource_metric(utilization=60),
    a_resource_metric(average="80m"),
    a_resource_metric("memory", average="100Mi"),
    a_resource_metric(utilization=120, container="app"),
    a_query_metric("10"),
    a_metric_of_all(average="10"),
    a_metric_of_all(value="40"),
    a_metric_of_all(value="7", outside=False),
)
counts = st.integers(1, 30)
ages_s = st.sampled_from([0.5, 5, 30, 59, 60, 61, 100, 299, 300, 301, 1000, 4000])
bad_numbers = st.sampled_from([-1, float("nan"), float("inf"), float("-inf")])


def is_of_all(spec: MetricSpec) -> bool:
    """Whether a metric is one number for all pods together."""
    return spec.type in {MetricType.PROMETHEUS, MetricType.OBJECT, MetricType.EXTERNAL}


def rules() -> st.SearchStrategy[ScalingRules]:
    policies = st.builds(
        ScalingPolicy,
        type=st.sampled_from(PolicyType),
        value=st.integers(1, 200),
        period_seconds=st.sampled_from([15, 60, 300, 1800]),
    )
    return st.builds(
        ScalingRules,
        stabilization_window_seconds=st.none() | st.sampled_from([0, 60, 300, 3600]),
        select_policy=st.none() | st.sampled_from(SelectPolicy),
        policies=st.none() | st.lists(policies, min_size=1, max_size=2).map(tuple),
        tolerance=st.none() | st.sampled_from(["0", "0.05", "0.3"]),
    )


behaviors = st.none() | st.builds(Behavior, scale_up=st.none() | rules(), scale_down=st.none() | rules())


@st.composite
def policies(draw: st.DrawFn, metrics: tuple[MetricSpec, ...]) -> Policy:
    low = draw(st.integers(1, 5))
    return a_policy(
        *metrics,
        min_replicas=low,
        max_replicas=low + draw(st.integers(0, 40)),
        behavior=draw(behaviors),
        max_extra_pods=draw(st.none() | st.integers(0, 5)),
        downscale_stabilization_s=draw(st.sampled_from([0, 60, 300])),
        forecast_enabled=draw(st.booleans() | st.just(value=True)),
        capacity_ratio=draw(st.just(1.0) | st.floats(1, 10)),
        forecast_hold_s=draw(st.none() | st.sampled_from([15.0, 105.0, 3600.0])),
    )


@st.composite
def states(draw: st.DrawFn) -> State:
    recommended = st.lists(st.builds(lambda ago_s, n: Recommendation(NOW_S - ago_s, n), ages_s, counts), max_size=3)
    events = st.lists(st.builds(lambda ago_s, n: ScaleEvent(NOW_S - ago_s, n), ages_s, st.integers(1, 9)), max_size=2)
    return State(
        recommendations=tuple(draw(recommended)),
        predicted=tuple(draw(recommended)),
        scale_ups=tuple(draw(events)),
        scale_downs=tuple(draw(events)),
    )


@st.composite
def pods(draw: st.DrawFn, name: str) -> PodView:
    kind = draw(st.sampled_from(["steady", "steady", "steady", "pending", "young", "failed", "going"]))
    changes: dict[str, object] = {
        "steady": {},
        "pending": {"phase": PodPhase.PENDING, "ready": None, "start_s": None},
        "young": {"start_s": NOW_S - 20, "ready": False, "ready_changed_s": NOW_S - 20},
        "failed": {"phase": PodPhase.FAILED},
        "going": {"deleting": True},
    }[kind]
    return a_pod(name, cpu_milli=draw(st.sampled_from([100, 100, 250])), **changes)


@st.composite
def readings(draw: st.DrawFn, spec: MetricSpec, names: list[str]) -> MetricReading:
    """A reading that may be good, partial, stale, absurd or an error."""
    if draw(st.integers(0, 9)) == 0:
        return MetricReading(spec, error="Prometheus answered 503")
    age_s = draw(st.sampled_from([1.0, 5.0, 30.0, 61.0, float("nan")]))
    scale = 10**8 if spec.resource is not None and spec.resource.name == "memory" else 1
    values = st.integers(0, 400).map(lambda value: value * scale)
    if is_of_all(spec):
        return a_reading(spec, draw(values.map(lambda value: value * 1000) | bad_numbers), age_s=age_s)
    known = {name: draw(values) for name in names if draw(st.integers(0, 9))}
    if known and draw(st.integers(0, 19)) == 0:
        known[names[0]] = draw(bad_numbers)
    return a_reading(spec, known, age_s=age_s)


def forecasts() -> st.SearchStrategy[Forecast | None]:
    return st.none() | st.builds(
        lambda peak, gate, left_s: a_forecast(peak, gate=gate, expires_s=NOW_S + left_s),
        st.floats(0, 30) | bad_numbers,
        st.sampled_from([GateState.OPEN, GateState.OPEN, GateState.SHUT, GateState.LEARNING]),
        st.sampled_from([200.0, 200.0, 0.0, -5.0]),
    )


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Observation, Policy, State]:
    """Anything that can be seen of a workload, and what is remembered and wanted of it."""
    metrics = tuple(draw(st.lists(st.sampled_from(METRICS), min_size=1, max_size=2)))
    names = [f"shop-{index}" for index in range(draw(st.integers(0, 8)))]
    replicas = draw(st.integers(0, 50) | st.just(len(names)))
    observation = Observation(
        spec_replicas=replicas,
        status_replicas=draw(st.integers(0, 50) | st.just(replicas)),
        pods=tuple(draw(pods(name)) for name in names),
        readings=tuple(draw(readings(metric, names)) for metric in metrics),
        forecasts=tuple(draw(forecasts()) for _ in metrics),
    )
    return observation, draw(policies(metrics)), draw(states())


def without_forecast(observation: Observation, policy: Policy, state: State) -> tuple[Observation, Policy, State]:
    """The same scene as the HPA would see it."""
    return replace(observation, forecasts=()), policy, replace(state, predicted=())


# No deadline and no measure of slowness: how fast one example is says more about the machine than about the code.
many = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
some = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@many
@given(scenes())
def test_the_result_is_within_bounds(scene: tuple[Observation, Policy, State]) -> None:
    observation, policy, state = scene
    decision, _ = decide(observation, policy, state, NOW_S)
    if observation.spec_replicas == 0:
        assert decision.desired == 0
    else:
        assert policy.min_replicas <= decision.desired <= policy.max_replicas


@many
@given(scenes())
def test_a_forecast_never_takes_what_the_hpa_would_give(scene: tuple[Observation, Policy, State]) -> None:
    hpa, _ = decide(*without_forecast(*scene), NOW_S)
    decision, _ = decide(*scene, NOW_S)
    assert decision.desired >= hpa.desired
    assert decision.candidates[Source.STABILIZED] == hpa.desired
    assert (decision.reason is Reason.FORECAST_AHEAD) == (decision.desired > hpa.desired)


@many
@given(st.data())
def test_earned_without_a_forecast_that_has_earned_it_is_conservative(data: st.DataObject) -> None:
    """Exactly, in every word: also where all metrics but one have earned it, and where they ask for next to nothing."""
    if data.draw(st.booleans()):
        observation, policy, state = data.draw(scenes())
    else:
        observation, policy, state = steady(data)
    one = data.draw(st.integers(0, len(observation.forecasts) - 1))
    told = tuple(known and replace(known, earned=index != one) for index, known in enumerate(observation.forecasts))
    seen = replace(observation, forecasts=told)
    conservative = decide(seen, replace(policy, earned=False), state, NOW_S)
    assert repr(decide(seen, replace(policy, earned=True), state, NOW_S)) == repr(conservative)


def steady(data: st.DataObject) -> tuple[Observation, Policy, State]:
    """Two metrics that are known of steady pods, each with a forecast in force that asks for little."""
    metrics = tuple(data.draw(st.permutations(METRICS))[:2])
    current = data.draw(st.integers(2, 10))
    seen = [a_reading(metric, 10**6 if is_of_all(metric) else [10**8] * current) for metric in metrics]
    peaks = tuple(a_forecast(data.draw(st.floats(0, 0.2))) for _ in metrics)
    policy = replace(data.draw(policies(metrics)), forecast_enabled=True)
    return an_observation(*seen, pods=some_pods(current), forecasts=peaks), policy, State()


@many
@given(scenes(), st.floats(1, 10))
def test_fuller_pods_are_never_more_pods(scene: tuple[Observation, Policy, State], ratio: float) -> None:
    observation, policy, state = scene
    at_target = decide(observation, replace(policy, capacity_ratio=1.0), state, NOW_S)[0]
    assert decide(observation, replace(policy, capacity_ratio=ratio), state, NOW_S)[0].desired <= at_target.desired


@many
@given(scenes())
def test_a_forecast_leaves_no_trace_in_what_the_hpa_remembers(scene: tuple[Observation, Policy, State]) -> None:
    _, plain = decide(*without_forecast(*scene), NOW_S)
    _, after = decide(*scene, NOW_S)
    assert replace(after, predicted=()) == plain


@many
@given(scenes())
def test_extra_pods_are_bounded(scene: tuple[Observation, Policy, State]) -> None:
    observation, policy, state = scene
    decision, _ = decide(observation, policy, state, NOW_S)
    if policy.max_extra_pods is not None:
        assert decision.desired <= decision.candidates[Source.STABILIZED] + policy.max_extra_pods


@many
@given(scenes())
def test_limits_are_a_chain_from_what_is_asked_for_to_what_is_decided(scene: tuple[Observation, Policy, State]) -> None:
    observation, policy, state = scene
    decision, _ = decide(observation, policy, state, NOW_S)
    count = decision.candidates.get(Source.REACTIVE, decision.current)
    if decision.limits and decision.limits[0].reason is Reason.WITHIN_TOLERANCE:  # comes before what the formula asks for
        assert decision.limits[0].after == count
        count = decision.limits[0].before
    for limit in decision.limits:
        assert limit.before == count != limit.after
        assert limit.name
        assert limit.message
        count = limit.after
    assert count == decision.desired


@many
@given(scenes())
def test_a_decision_is_pure_and_says_what_it_does(scene: tuple[Observation, Policy, State]) -> None:
    before = copy.deepcopy(scene)
    decision, after = decide(*scene, NOW_S)
    assert repr(scene) == repr(before)  # by text, as NaN is not equal to itself
    assert repr(decide(*scene, NOW_S)) == repr((decision, after))
    moves = {Action.SCALE_UP: 1, Action.HOLD: 0, Action.SCALE_DOWN: -1}
    assert moves[decision.action] == (decision.desired > decision.current) - (decision.desired < decision.current)
    assert decision.message
    assert len({condition.type for condition in decision.conditions}) == len(decision.conditions)


@st.composite
def blind_readings(draw: st.DrawFn, spec: MetricSpec, names: list[str]) -> MetricReading:
    """A reading that must not be used: an error, nothing, an absurd value, or a good one that is too old."""
    good: object = 0 if is_of_all(spec) else dict.fromkeys(names, 0)
    bad = draw(bad_numbers)
    absurd: object = bad if is_of_all(spec) else {**dict.fromkeys(names, 0), names[0]: bad}
    return draw(
        st.sampled_from(
            [
                MetricReading(spec, error="Prometheus answered 503"),
                a_reading(spec, None),
                a_reading(spec, absurd),
                a_reading(spec, good, age_s=61),
                a_reading(spec, good, age_s=float("nan")),
                replace(a_reading(spec, good), sampled_at_s=None),
            ]
        )
    )


@many
@given(st.data())
def test_one_blind_metric_is_enough_to_never_scale_down(data: st.DataObject) -> None:
    """Within bounds, a failed metric allows no fewer pods, whatever the other metric, the forecast and the past say."""
    current = data.draw(st.integers(1, 10))
    names = [f"shop-{index}" for index in range(current)]
    blind, other = data.draw(st.permutations(METRICS))[:2]
    seen = [data.draw(blind_readings(blind, names)), data.draw(readings(other, names))]
    specs = [blind, other]
    if data.draw(st.booleans()):
        seen, specs = seen[::-1], specs[::-1]
    policy = replace(data.draw(policies(tuple(specs))), min_replicas=1, max_replicas=50)
    observation = an_observation(*seen, pods=some_pods(current), forecasts=tuple(data.draw(forecasts()) for _ in seen))
    decision, _ = decide(observation, policy, data.draw(states()), NOW_S)
    assert decision.desired >= current


@many
@given(st.data())
def test_more_load_never_means_fewer_pods(data: st.DataObject) -> None:
    """On steady pods, as many as the spec says: each pod uses as much or more, and the forecast is as high or higher."""
    metric = data.draw(st.sampled_from(METRICS))
    current = data.draw(counts)
    less = data.draw(st.lists(st.integers(0, 400), min_size=current, max_size=current))
    more = [value + data.draw(st.integers(0, 200)) for value in less]
    policy, state = data.draw(policies((metric,))), data.draw(states())
    peak = data.draw(st.floats(0, 30))
    extra = data.draw(st.floats(0, 10))
    scale = 10**8 if metric.resource is not None and metric.resource.name == "memory" else 1

    def desired(load: list[int], peak: float) -> int:
        values = sum(load) * 1000 if is_of_all(metric) else [value * scale for value in load]
        observation = an_observation(a_reading(metric, values), pods=some_pods(current), forecasts=(a_forecast(peak),))
        return decide(observation, policy, state, NOW_S)[0].desired

    assert desired(less, peak) <= desired(more, peak + extra)


@many
@given(scenes())
def test_deciding_again_at_the_same_moment_changes_nothing(scene: tuple[Observation, Policy, State]) -> None:
    observation, policy, state = scene
    first, after = decide(observation, policy, state, NOW_S)
    second, _ = decide(observation, policy, after, NOW_S)
    assert second.desired == first.desired


@some
@given(
    load_milli=st.integers(1, 3000),
    start=counts,
    utilization=st.sampled_from([40, 50, 60, 80, 100]),
    behavior=st.sampled_from([None, Behavior(), Behavior(scale_down=ScalingRules(stabilization_window_seconds=0))]),
    peak_ratio=st.none() | st.floats(0.5, 2),
)
def test_a_constant_load_settles(
    load_milli: int, start: int, utilization: int, behavior: Behavior | None, peak_ratio: float | None
) -> None:
    """Pods follow each decision at once; after the windows the count stands still, and the load fits."""
    metric = a_resource_metric(utilization=utilization)
    policy = a_policy(metric, behavior=behavior)
    count, state, seen = start, initial_state(start, NOW_S), []
    for tick in range(80):
        now_s = NOW_S + 15 * tick
        pods = tuple(replace(pod, start_s=now_s - 3600, ready_changed_s=now_s - 3580) for pod in some_pods(count))
        usage = {f"shop-{index}": load_milli // count for index in range(count)}
        reading = replace(a_reading(metric, usage), sampled_at_s=now_s - 5)
        peak = None if peak_ratio is None else a_forecast(load_milli / 1000 * peak_ratio, expires_s=now_s + 60)
        observation = an_observation(reading, pods=pods, replicas=count, forecasts=(peak,))
        decision, state = decide(observation, policy, state, now_s)
        state = record_scale(state, count, decision.desired, now_s, behavior)
        count = decision.desired
        seen.append(count)
    assert len(set(seen[-20:])) == 1
    assert load_milli // count <= 1.1 * utilization  # each requests 100m, so milli is percent


@some
@given(st.data())
def test_a_missing_pod_never_speeds_up_a_change(data: st.DataObject) -> None:
    """With the value of one pod of several lost, the count moves the same way or less far, when all use the same."""
    current = data.draw(st.integers(2, 20))
    usage = data.draw(st.integers(0, 300))
    assume(usage <= 100)  # above its request, a pod without a value is taken for less than it uses, as by the HPA
    metric = a_resource_metric(utilization=100)
    policy = a_policy(metric)

    def desired(values: dict[str, int]) -> int:
        observation = an_observation(a_reading(metric, values), pods=some_pods(current))
        return decide(observation, policy, State(), NOW_S)[0].desired

    everything = {f"shop-{index}": usage for index in range(current)}
    lost = {name: value for name, value in everything.items() if name != "shop-0"}
    assert desired(everything) <= desired(lost) <= current
