"""Whatever is seen and however often the service dies, the brakes of a HealingPolicy hold."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.api.types import HealingAction, HealingBreaker, HealingBudget, HealingMode, HealingPolicySpec
from autoscaler.healing import book
from autoscaler.healing.decide import decide, reserve, settle
from autoscaler.healing.types import ActRecord, ActState, Limits, Observation, State, Verb
from autoscaler.model import PodPhase, PodView, WorkloadKey, WorkloadView
from tests.unit.healing.scenes import NOW_S, a_policy, an_observation

KEYS = tuple(WorkloadKey("default", "Deployment", name) for name in "abcd")
TIMES = st.floats(min_value=0.0, max_value=4e9).map(lambda at_s: round(at_s, 3))
TEXTS = st.text(max_size=12)


@st.composite
def pods(draw: Callable, now_s: float) -> PodView:
    name = draw(st.sampled_from([f"pod-{at}" for at in range(8)]))
    return PodView(
        namespace="default",
        name=name,
        uid=f"uid-{name}-{draw(st.integers(0, 3))}",
        phase=draw(st.sampled_from([PodPhase.RUNNING] * 15 + list(PodPhase))),
        created_s=now_s - 1e5,
        workload=draw(st.sampled_from([*KEYS, KEYS[0], KEYS[0], KEYS[0], None])),
        start_s=draw(st.sampled_from([None, now_s - 9e4])),
        ready=draw(st.sampled_from([False] * 6 + [True, None])),
        ready_changed_s=now_s - draw(st.sampled_from([20.0, 200.0, 8e4, 8e4, 8e4])),
        deleting=draw(st.sampled_from([False] * 6 + [True])),
    )


@st.composite
def observations(draw: Callable, now_s: float, age_s: float | None = None) -> Observation:
    views = [
        WorkloadView(key, 3, draw(st.sampled_from([2, 2, 2, 3, 0])), draw(st.sampled_from([False] * 5 + [True])))
        for key in KEYS
    ]
    seen = draw(st.lists(pods(now_s), max_size=8, unique_by=lambda pod: pod.name))
    aged_s = draw(st.sampled_from([0.0, 1.0, 5.0, 29.0, 31.0])) if age_s is None else age_s
    return Observation(tuple(seen), tuple(views), frozenset(), aged_s)


@st.composite
def policies(draw: Callable) -> HealingPolicySpec:
    return HealingPolicySpec(
        mode=HealingMode.HEAL,
        selector=a_policy().selector,
        faults=a_policy(for_seconds=draw(st.sampled_from([1, 30, 300]))).faults,
        actions=(HealingAction.EVICT,),
        budget=HealingBudget(
            interval_seconds=draw(st.sampled_from([1, 60, 700, 5000])),
            max_unavailable=draw(st.sampled_from([1, 3, "50%", "100%"])),
            per_hour=draw(st.sampled_from([0, 1, 2, 4, 50])),
        ),
        breaker=HealingBreaker(unhealthy_percent=draw(st.sampled_from([50, 100, 100])), min_workloads=draw(st.integers(1, 5))),
    )


@dataclass
class Service:
    """The loop as it will be: reserve in the API, act, settle in the API; it may die between any two of these."""

    spec: HealingPolicySpec
    status: str = "{}"
    acts: list[tuple[float, WorkloadKey]] = field(default_factory=list)

    def run_once(self, observation: Observation, now_s: float, dies_at: int) -> None:
        decision, state = decide(observation, self.spec, book.from_status(json.loads(self.status)), now_s)
        for pod in decision.pods:
            if pod.verb is not Verb.EVICT:
                continue
            state = reserve(state, pod, now_s)
            if dies_at == 0:
                return
            self._write(state)
            if dies_at == 1:
                return
            self.acts.append((now_s, pod.pod.workload))
            if dies_at == 2:
                return
            state = settle(state, pod.pod.uid, ActState.DONE if dies_at != 3 else ActState.FAILED)
        self._write(state)

    def _write(self, state: State) -> None:
        assert len(state.acts) <= book.BOOK_LIMIT
        self.status = json.dumps(book.to_status(state))


@settings(max_examples=150, deadline=None)
@given(policies(), st.data())
def test_budget_and_interval_hold_for_any_observations_and_restarts(spec: HealingPolicySpec, data: st.DataObject) -> None:
    service, now_s = Service(spec), NOW_S
    for _ in range(data.draw(st.integers(1, 25), label="passes")):
        now_s = round(now_s + data.draw(st.sampled_from([0.0, 5.0, 61.0, 130.0, 701.0, 1900.0])), 6)
        service.run_once(data.draw(observations(now_s)), now_s, data.draw(st.sampled_from([9, 9, 0, 1, 2, 3])))
    for at_s, workload in service.acts:
        assert sum(at_s - 3600.0 < other_s <= at_s for other_s, _ in service.acts) <= spec.budget.per_hour
        mine = sorted(other_s for other_s, key in service.acts if key == workload)
        assert all(later - earlier >= spec.budget.interval_seconds for earlier, later in pairwise(mine))


@given(st.data(), policies(), st.floats(min_value=30.001) | st.just(float("nan")))
def test_a_stale_observation_never_evicts(data: st.DataObject, spec: HealingPolicySpec, age_s: float) -> None:
    decision, _ = decide(data.draw(observations(NOW_S, age_s=age_s)), spec, State(), NOW_S, Limits())
    assert Verb.EVICT not in {pod.verb for pod in decision.pods}


@given(st.data(), policies())
def test_at_most_one_pod_of_a_workload_is_evicted_and_never_one_that_is_not_certainly_ill(
    data: st.DataObject, spec: HealingPolicySpec
) -> None:
    decision, _ = decide(data.draw(observations(NOW_S)), spec, State(), NOW_S)
    evicted = [pod.pod for pod in decision.pods if pod.verb is Verb.EVICT]
    assert len({pod.workload for pod in evicted}) == len(evicted)
    for pod in evicted:
        assert pod.phase is PodPhase.RUNNING
        assert pod.ready is False
        assert not pod.deleting
        assert pod.workload is not None


@st.composite
def records(draw: Callable) -> ActRecord:
    workload = WorkloadKey(draw(TEXTS), draw(TEXTS), draw(TEXTS))
    return ActRecord(draw(TIMES), workload, draw(TEXTS), draw(TEXTS), draw(st.sampled_from(ActState)))


@given(st.lists(records(), max_size=book.BOOK_LIMIT), st.none() | TIMES)
def test_the_book_survives_the_status_as_json(acts: list[ActRecord], until_s: float | None) -> None:
    state = State(tuple(sorted(acts, key=lambda act: act.at_s)), until_s)
    assert book.from_status(json.loads(json.dumps(book.to_status(state)))) == state


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.datetimes().map(lambda at: at.isoformat()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "at": JUNK,
        "workload": JUNK | st.fixed_dictionaries({"namespace": TEXTS, "kind": TEXTS, "name": JUNK}),
        "pod": JUNK,
        "uid": TEXTS,
        "state": st.sampled_from([state.value for state in ActState]) | JUNK,
    },
)


@given(JUNK | st.fixed_dictionaries({}, optional={"acts": JUNK | st.lists(ENTRY | JUNK), "breakerOpenUntil": JUNK}))
def test_garbage_in_the_status_never_raises_and_what_is_read_can_be_used_and_written(status: object) -> None:
    state = book.from_status(status)
    _, after = decide(an_observation(), a_policy(), state, NOW_S)
    assert book.from_status(json.loads(json.dumps(book.to_status(after)))) == replace(after)
