"""Roll-outs: neither surge pods nor the CPU of starts ask for pods, and load that is there still does."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from autoscaler.api.types import MetricSpec
from autoscaler.model import PodView
from autoscaler.reasons import Reason
from autoscaler.scaling.decide import changed, decide, initial_state
from autoscaler.scaling.policy import EXACT
from autoscaler.scaling.rollouts import Started, calm
from autoscaler.scaling.types import Decision, Policy
from tests.builders import (
    NOW_S,
    a_metric_of_all,
    a_pod,
    a_policy,
    a_query_metric,
    a_reading,
    a_resource_metric,
    a_state,
    an_observation,
    some_pods,
)

CPU = a_resource_metric(utilization=50)
MEMORY = a_resource_metric("memory", average="100Mi")
MI = 2**20 * 1000


def plain(*metrics: MetricSpec, **fields: object) -> Policy:
    return a_policy(*metrics, **{"max_replicas": 2000, "downscale_stabilization_s": 0, "tolerance": 0.1, **fields})


def exact(policy: Policy) -> Policy:
    return replace(policy, departures=EXACT)


def a_batch(first: int, count: int, *, age_s: float, **fields: object) -> tuple[PodView, ...]:
    """Pods that started so long ago, shop-<first> and on, Ready 20 s after."""
    started = {"start_s": NOW_S - age_s, "ready_changed_s": NOW_S - age_s + 20}
    return tuple(a_pod(f"shop-{index}", **{**started, **fields}) for index in range(first, first + count))


def decided(metric: MetricSpec, values: Sequence[int], pods: Sequence[PodView], replicas: int, policy: Policy) -> Decision:
    observation = an_observation(a_reading(metric, values), pods=pods, replicas=replicas, status_replicas=len(pods))
    return decide(observation, policy, a_state(), NOW_S)[0]


def both(metric: MetricSpec, values: Sequence[int], pods: Sequence[PodView], replicas: int) -> tuple[int, int]:
    """What is asked for here, and by the exact formula."""
    policy = plain(metric)
    ours = decided(metric, values, pods, replicas, policy)
    hpa = decided(metric, values, pods, replicas, exact(policy))
    return ours.desired, hpa.desired


# --- The issues' numbers -----------------------------------------------------------------------------------------------------


def surged(replicas: int) -> int:
    return replicas + math.ceil(0.25 * replicas)


@pytest.mark.parametrize(("replicas", "seen"), [(383, 479), (479, 599), (589, 737)])
def test_383_replicas_stay_383_where_pods_use_what_they_use_whatever_their_number(replicas: int, seen: int) -> None:
    """k/k 72775 and 98914: pods a little below the target, and a surge of 25 %, with no load behind it."""
    assert surged(replicas) == seen
    ours, hpa = both(MEMORY, [89 * MI] * seen, some_pods(seen), replicas)
    assert ours == replicas
    assert hpa == math.ceil(0.89 * seen) > replicas


def test_the_race_of_72775_is_not_run() -> None:
    """383 -> 427 -> 476 -> … with the exact formula, for as long as the roll-out lasts; 383 here."""
    replicas = {True: 383, False: 383}
    for _ in range(5):
        for ours, count in replicas.items():
            seen = surged(count)
            replicas[ours] = both(MEMORY, [89 * MI] * seen, some_pods(seen), count)[not ours]
    assert replicas[True] == 383
    assert replicas[False] >= 640


def test_383_replicas_stay_383_where_new_pods_burn_cpu_at_their_start() -> None:
    """479 pods, of which 96 have just started and use almost three times what they will: 664 with the exact formula."""
    cores, pods = a_resource_metric(average="1"), (*some_pods(383), *a_batch(383, 96, age_s=100))
    usage = [1000] * 383 + [2926] * 96
    decision = decided(cores, usage, pods, 383, plain(cores))
    assert both(cores, usage, pods, 383) == (383, 664)
    assert decision.reason is Reason.ROLLOUT_DISCOUNTED
    assert decision.message == (
        "Stay at 383 pods: cpu at 1.386 per pod (target 1) asks for no other count "
        "(664 with what a roll-out added and the CPU of starts)."
    )


def test_a_query_whose_value_fits_does_not_lock_the_surge_in() -> None:
    """k/k 72775 as its reporter saw it: within the tolerance of 421 pods, 421 became what is wanted."""
    query = a_query_metric("10")
    values = 3_870_000
    policy = plain(query)
    observation = an_observation(a_reading(query, values), pods=some_pods(421), replicas=383, status_replicas=421)
    assert decide(observation, policy, a_state(), NOW_S)[0].desired == 383
    assert decide(observation, exact(policy), a_state(), NOW_S)[0].desired == 421


@pytest.mark.parametrize(("load", "ours", "hpa"), [(440, 440, 479), (470, 470, 479), (600, 600, 600), (300, 300, 300)])
def test_a_query_that_asks_for_pods_gets_them_during_a_surge(load: int, ours: int, hpa: int) -> None:
    query = a_query_metric("10")
    policy = plain(query)
    seen = {"pods": some_pods(479), "replicas": 383, "status_replicas": 479}
    observation = an_observation(a_reading(query, load * 10_000), **seen)
    assert decide(observation, policy, a_state(), NOW_S)[0].desired == ours
    assert decide(observation, exact(policy), a_state(), NOW_S)[0].desired == hpa


@pytest.mark.parametrize(("value", "ours", "hpa"), [(35, 10, 11), (39, 10, 10), (60, 15, 18), (20, 6, 6)])
def test_a_value_of_all_pods_multiplies_the_wanted_ones(value: int, ours: int, hpa: int) -> None:
    """Target 40: 35 is below it, 39 within the tolerance, 60 is half more."""
    metric = a_metric_of_all(value="40", outside=False)
    policy = plain(metric)
    observation = an_observation(a_reading(metric, value * 1000), pods=some_pods(12), replicas=10, status_replicas=12)
    assert decide(observation, exact(policy), a_state(), NOW_S)[0].desired == hpa
    assert decide(observation, policy, a_state(), NOW_S)[0].desired == ours


# --- What is left to the formula ---------------------------------------------------------------------------------------------


def test_without_a_surge_nothing_changes() -> None:
    assert both(MEMORY, [150 * MI] * 10, some_pods(10), 10) == (15, 15)
    assert both(CPU, [75] * 10, some_pods(10), 10) == (15, 15)


def test_pods_above_their_target_ask_for_the_wanted_ones_times_the_ratio() -> None:
    assert both(MEMORY, [120 * MI] * 125, some_pods(125), 100) == (120, 150)


def test_a_surge_never_removes_pods() -> None:
    assert both(MEMORY, [40 * MI] * 125, some_pods(125), 100) == (50, 50)
    assert both(MEMORY, [80 * MI] * 125, some_pods(125), 100) == (100, 100)


def test_missing_pods_still_only_damp() -> None:
    """120 pods of which 20 have no value: 1.2 over the 100 that have one is 1.0 over all."""
    assert both(MEMORY, [120 * MI] * 100, some_pods(120), 100) == (100, 100)
    assert both(MEMORY, [180 * MI] * 100, some_pods(120), 100) == (150, 180)


def test_starts_count_in_full_where_no_pod_is_older() -> None:
    """A workload that is all new has only this to go by."""
    assert both(CPU, [100] * 10, a_batch(0, 10, age_s=100), 10) == (20, 20)
    staggered = tuple(pod for index in range(10) for pod in a_batch(index, 1, age_s=100 + 5 * index))
    assert both(CPU, [100] * 10, staggered, 10) == (20, 20)


def test_the_last_batch_of_a_quick_roll_out_is_measured_by_the_first() -> None:
    """All pods are new, and a minute lies between the batches."""
    pods = (*a_batch(0, 8, age_s=170), *a_batch(8, 2, age_s=100))
    assert both(CPU, [50] * 8 + [150] * 2, pods, 10) == (10, 14)


def test_load_that_older_pods_feel_as_well_is_followed() -> None:
    pods = (*some_pods(8), *a_batch(8, 2, age_s=100))
    assert both(CPU, [100] * 10, pods, 10) == (20, 20)
    assert both(CPU, [80] * 8 + [200] * 2, pods, 10) == (16, 20)


def test_a_young_pod_that_uses_less_counts_as_it_is() -> None:
    pods = (*some_pods(8), *a_batch(8, 2, age_s=100))
    assert both(CPU, [100] * 8 + [10] * 2, pods, 10) == (17, 17)


def test_after_its_initialization_period_a_pod_counts_in_full() -> None:
    def pods(age_s: float) -> tuple[PodView, ...]:
        return (*some_pods(8), *a_batch(8, 2, age_s=age_s))

    assert both(CPU, [50] * 8 + [150] * 2, pods(299), 10) == (10, 14)
    assert both(CPU, [50] * 8 + [150] * 2, pods(300), 10) == (14, 14)


def test_pods_are_compared_by_what_they_request() -> None:
    """The new version requests twice as much, and uses so."""
    pods = (*some_pods(8), *a_batch(8, 2, age_s=100, cpu_milli=200))
    assert both(CPU, [60] * 8 + [120] * 2, pods, 10) == (12, 12)
    assert both(CPU, [60] * 8 + [300] * 2, pods, 10) == (12, 18)
    amounts = a_resource_metric(average="50m")
    assert both(amounts, [60] * 8 + [120] * 2, pods, 10) == (12, 15)


def test_memory_of_young_pods_counts_in_full() -> None:
    pods = (*some_pods(8), *a_batch(8, 2, age_s=100))
    assert both(MEMORY, [100 * MI] * 8 + [200 * MI] * 2, pods, 10) == (12, 12)


def test_a_discount_never_removes_a_pod() -> None:
    """Old pods idle, new ones do all the work: 12 are there, and 12 stay."""
    pods = (*some_pods(6), *a_batch(6, 6, age_s=100))
    assert both(CPU, [10] * 6 + [150] * 6, pods, 12) == (12, 20)


def test_the_setting_is_for_the_departures_of_a_policy() -> None:
    policy = plain(CPU)
    off = replace(policy, departures=replace(policy.departures, discounting_rollouts=False))
    pods = (*some_pods(8), *a_batch(8, 2, age_s=100))
    assert decided(CPU, [50] * 8 + [150] * 2, pods, 10, off).desired == 14


OLD = Started("old", NOW_S - 3600, young=False, weight=1)


def young(name: str, age_s: float, weight: int = 1) -> Started:
    return Started(name, NOW_S - age_s, young=True, weight=weight)


@pytest.mark.parametrize(
    ("values", "pods", "counted"),
    [
        ({"old": 50, "a": 150, "b": 20}, [young("a", 100), OLD, young("b", 100)], {"old": 50, "a": 50, "b": 20}),
        ({"old": 7, "a": 15, "b": 15}, [OLD, young("a", 100, 3), young("b", 100)], {"old": 7, "a": 15, "b": 7}),
        ({"c": 3, "d": 4, "a": 9}, [young("c", 200), young("d", 200), young("a", 100)], {"c": 3, "d": 4, "a": 4}),
        ({"old": 10, "a": 90, "b": 90}, [OLD, young("a", 200), young("b", 100)], {"old": 10, "a": 10, "b": 10}),
        ({"a": 50, "b": 90}, [young("a", 159), young("b", 100)], {"a": 50, "b": 90}),
        ({"a": 50, "b": 90}, [young("a", 160), young("b", 100)], {"a": 50, "b": 50}),
        ({"old": 0, "a": 90, "other": 9}, [OLD, young("a", 100)], {"old": 0, "a": 0, "other": 9}),
        ({"old": 5, "a": 90}, [replace(OLD, weight=0), young("a", 100)], {"old": 5, "a": 90}),
    ],
)
def test_a_start_counts_with_at_most_what_those_before_it_use(
    values: dict[str, int], pods: list[Started], counted: dict[str, int]
) -> None:
    before = dict(values)
    assert calm(values, pods) == counted
    assert values == before


# --- A roll-out from its beginning to its end --------------------------------------------------------------------------------

STARTING_S, READY_S, PASS_S = 60.0, 20.0, 15.0


@dataclass(slots=True)
class Rollout:
    """A Deployment with a surge of 25 % and no pod unavailable; load spreads evenly over its Ready pods, at 50 % of requests.

    A new pod is Ready after 20 s, and for a minute from its start uses as much more as its start costs, whatever its load.
    """

    load: Callable[[float], float]  # in pods that are exactly at the target, by the seconds since the roll-out began
    policy: Policy
    start_ratio: float = 3.0  # CPU of a pod in its first minute, to its target
    replicas: int = 100
    now_s: float = NOW_S

    def run(self, passes: int) -> list[int]:
        """Return the count after each pass; the roll-out begins with the third."""
        old = [NOW_S - 3600.0] * self.replicas
        new: list[float] = []
        state, counts = initial_state(self.replicas, self.now_s - 600), []
        for index in range(passes):
            self.now_s += PASS_S
            if index >= 2:
                old, new = self._advance(old, new)
            decision, state = decide(self._seen(old + new), self.policy, state, self.now_s)
            if decision.desired != self.replicas:
                state = changed(state, decision, self.policy, self.now_s)
            self.replicas = decision.desired
            counts.append(self.replicas)
        return counts

    def _advance(self, old: list[float], new: list[float]) -> tuple[list[float], list[float]]:
        """Remove old pods for new ones that are Ready, and start as many as the surge allows."""
        ready = sum(self.now_s - at_s >= READY_S for at_s in new)
        old = old[: max(0, self.replicas - ready)]
        most = self.replicas + math.ceil(self.replicas / 4) if old else self.replicas
        return old, new + [self.now_s] * max(0, min(most - len(old) - len(new), self.replicas - len(new)))

    def _seen(self, starts: list[float]) -> object:
        ready = [self.now_s - at_s >= READY_S for at_s in starts]
        share = 50 * self.load(self.now_s - NOW_S) / sum(ready)
        usage, pods = {}, []
        for index, (at_s, is_ready) in enumerate(zip(starts, ready, strict=True)):
            name = f"shop-{index}"
            age_s = self.now_s - at_s
            burnt = 50 * (self.start_ratio - 1) * max(0.0, min(STARTING_S, age_s) - max(0.0, age_s - 60)) / 60
            usage[name] = round((share if is_ready else 0) + burnt)  # a rate over one minute
            changed_s = at_s + READY_S if is_ready else at_s
            pods.append(a_pod(name, start_s=at_s, ready=is_ready, ready_changed_s=changed_s))
        reading = replace(a_reading(CPU, usage), sampled_at_s=self.now_s)
        return an_observation(reading, pods=pods, replicas=self.replicas, status_replicas=len(pods))


def test_a_roll_out_under_a_constant_load_keeps_the_count() -> None:
    policy = plain(CPU, downscale_stabilization_s=300)
    ours = Rollout(lambda _: 95, policy).run(45)
    hpa = Rollout(lambda _: 95, exact(policy)).run(45)
    assert set(ours) == {100}
    assert max(hpa) == 120


@pytest.mark.parametrize("rises_s", [20, 75, 130, 200])
def test_a_roll_out_under_a_rising_load_follows_it_within_one_more_pass(rises_s: float) -> None:
    """Half more load: beside what the exact formula does where a start costs nothing."""

    def rising(at_s: float) -> float:
        return 95 * (1.5 if at_s > rises_s else 1.0)

    def reached(counts: list[int]) -> int:
        return next(index for index, count in enumerate(counts) if count >= 142)

    policy = plain(CPU, downscale_stabilization_s=300)
    ours = Rollout(rising, policy).run(45)
    without_starts = Rollout(rising, exact(policy), start_ratio=1.0).run(45)
    hpa = Rollout(rising, exact(policy)).run(45)
    assert set(ours) == {100, 142}
    assert reached(ours) <= reached(without_starts) + 1
    assert max(hpa) > 142
