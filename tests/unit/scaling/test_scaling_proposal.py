"""What one metric asks for: the HPA's ratio and proposal, with numbers worked out by hand.

Pods request 100m of CPU and the target is 50 % or 100 %, so that ratios are easy to read.
"""

import pytest

from autoscaler.model import PodPhase
from autoscaler.reasons import Reason
from autoscaler.scaling.proposal import Proposal, propose
from autoscaler.scaling.readings import Failure
from autoscaler.scaling.types import MetricReading, Observation, Policy
from tests.builders import (
    NOW_S,
    a_pod,
    a_policy,
    a_query_metric,
    a_reading,
    a_resource_metric,
    an_observation,
    some_pods,
)

CPU_100 = a_resource_metric(utilization=100)
CPU_50 = a_resource_metric(utilization=50)
YOUNG = {"start_s": NOW_S - 20, "ready": False, "ready_changed_s": NOW_S - 20}


def asked(observation: Observation, policy: Policy | None = None) -> Proposal:
    outcome = propose(observation.readings[0], observation, policy or a_policy(), NOW_S)
    assert isinstance(outcome, Proposal), outcome
    return outcome


def refused(observation: Observation, policy: Policy | None = None) -> Failure:
    outcome = propose(observation.readings[0], observation, policy or a_policy(), NOW_S)
    assert isinstance(outcome, Failure), outcome
    return outcome


# Ratio and tolerance


def test_the_count_brings_the_average_to_the_target() -> None:
    """95 % of 60 % is a ratio of 1.583; times 3 pods is 4.75, so 5."""
    metric = a_resource_metric(utilization=60)
    proposal = asked(an_observation(a_reading(metric, [95, 95, 95]), pods=some_pods(3)))
    assert proposal == Proposal(5, 95 / 60, average_milli=95, utilization=95)


def test_utilization_is_cut_to_a_whole_percent_before_it_is_compared() -> None:
    """332 of 300 is 110.67 %, cut to 110 %: in tolerance. 333 of 300 is 111 %: not."""
    pods = some_pods(3)
    assert asked(an_observation(a_reading(CPU_100, [100, 133, 99]), pods=pods)).replicas == 3
    assert asked(an_observation(a_reading(CPU_100, [100, 133, 100]), pods=pods)).replicas == 4


def test_utilization_weighs_pods_by_their_requests() -> None:
    """90 of 100 and 90 of 900: 180 of 1000 is 18 %, not the mean of 90 % and 10 %."""
    pods = (a_pod("shop-0", cpu_milli=100), a_pod("shop-1", cpu_milli=900))
    assert asked(an_observation(a_reading(CPU_100, [90, 90]), pods=pods)).utilization == 18


def test_the_reported_average_is_cut_to_a_whole_milli() -> None:
    assert asked(an_observation(a_reading(CPU_100, [100, 101]), pods=some_pods(2))).average_milli == 100


@pytest.mark.parametrize(("usage", "replicas"), [(90, 10), (110, 10), (89, 9), (111, 12)])
def test_both_ends_of_the_tolerance_belong_to_it(usage: int, replicas: int) -> None:
    """0.89 x 10 = 8.9, so 9; 1.11 x 10 = 11.1, so 12."""
    assert asked(an_observation(a_reading(CPU_100, [usage] * 10), pods=some_pods(10))).replicas == replicas


def test_an_average_value_is_cut_before_it_is_compared() -> None:
    """(100 + 100 + 132) div 3 is 110, which is 1.1 of 100 and in tolerance; one more makes it 111 and 4 pods."""
    metric = a_resource_metric(average="100m")
    pods = some_pods(3)
    assert asked(an_observation(a_reading(metric, [100, 100, 132]), pods=pods)) == Proposal(3, 1.1, average_milli=110)
    assert asked(an_observation(a_reading(metric, [100, 100, 133]), pods=pods)) == Proposal(4, 1.11, average_milli=111)


def test_memory_counts_in_milli_bytes() -> None:
    """300Mi used of a target of 200Mi is 1.5; times 2 pods is 3."""
    metric = a_resource_metric("memory", average="200Mi")
    used = 300 * 2**20 * 1000
    assert asked(an_observation(a_reading(metric, [used, used]), pods=some_pods(2))).replicas == 3


def test_a_container_metric_compares_with_the_request_of_that_container() -> None:
    """90 of 100 at a target of 50 % is 1.8; times 2 is 3.6, so 4. The proxy's 900 do not count."""
    metric = a_resource_metric(utilization=50, container="app")
    pods = some_pods(2, requests_milli={"app": {"cpu": 100}, "proxy": {"cpu": 900}})
    assert asked(an_observation(a_reading(metric, [90, 90]), pods=pods)).replicas == 4


# Pods that count, without any that are missing or unready


def test_the_ratio_multiplies_pods_that_count_and_not_the_replicas_of_the_spec() -> None:
    """During a rollout 6 pods run where the spec says 4: 1.5 x 6 = 9, more than 1.5 x 4. The HPA has no guard at this step."""
    observation = an_observation(a_reading(CPU_100, [150] * 6), pods=some_pods(6), replicas=4)
    found = asked(observation)
    assert (found.exact, found.replicas) == (9, 6)


def test_a_pod_that_is_ignored_takes_its_value_along() -> None:
    """The failed pod used nothing; without it the average is 150 % of 2 pods, so 3."""
    pods = (*some_pods(2), a_pod("shop-2", phase=PodPhase.FAILED))
    assert asked(an_observation(a_reading(CPU_100, [150, 150, 0]), pods=pods, replicas=2)).replicas == 3


def test_values_of_pods_that_nobody_listed_count_for_an_average_value_only() -> None:
    """(100 + 100 + 400) div 3 = 200: 2.0 x 2 pods that count = 4. As utilization, the stranger has no request: 100 %."""
    values = {"shop-0": 100, "shop-1": 100, "stranger": 400}
    plain = a_reading(a_resource_metric(average="100m"), values)
    percent = a_reading(CPU_100, values)
    assert asked(an_observation(plain, pods=some_pods(2))).replicas == 4
    assert asked(an_observation(percent, pods=some_pods(2))).utilization == 100


# Missing pods


def test_missing_pods_are_taken_to_use_nothing_before_a_scale_up() -> None:
    """Two pods at 300 % with a third missing: 600 of 300 is 2.0 over 3 values, so 6 instead of 9."""
    observation = an_observation(a_reading(CPU_100, {"shop-0": 300, "shop-1": 300}), pods=some_pods(3))
    assert asked(observation) == Proposal(6, 3.0, average_milli=300, utilization=300)


def test_missing_pods_are_taken_to_use_all_they_request_before_a_scale_down() -> None:
    """Three at 10 % and one missing at 100 %: 130 of 400 is 32 %; 0.32 x 4 = 1.28, so 2 instead of 1."""
    values = {"shop-0": 10, "shop-1": 10, "shop-2": 10}
    assert asked(an_observation(a_reading(CPU_100, values), pods=some_pods(4))).replicas == 2


def test_missing_pods_are_taken_to_use_the_target_where_it_is_above_their_request() -> None:
    """Target 200 %: three at 20 and one at 200 is 260 of 400, 65 %; 0.325 x 4 = 1.3, so 2."""
    metric = a_resource_metric(utilization=200)
    values = {"shop-0": 20, "shop-1": 20, "shop-2": 20}
    assert asked(an_observation(a_reading(metric, values), pods=some_pods(4))).replicas == 2


def test_missing_pods_are_taken_to_use_exactly_the_target_of_an_average_value() -> None:
    """(20 + 20 + 20 + 100) div 4 = 40: 0.4 x 4 = 1.6, so 2."""
    metric = a_resource_metric(average="100m")
    values = {"shop-0": 20, "shop-1": 20, "shop-2": 20}
    assert asked(an_observation(a_reading(metric, values), pods=some_pods(4))).replicas == 2


def test_nothing_is_assumed_of_missing_pods_exactly_at_the_target() -> None:
    observation = an_observation(a_reading(CPU_100, {"shop-0": 100, "shop-1": 100}), pods=some_pods(4))
    assert asked(observation).replicas == 4


def test_missing_pods_that_would_turn_the_direction_keep_the_count() -> None:
    """Two at 60 % of a 50 % target ask for more; with two missing ones it is 30 %: for fewer. So neither."""
    observation = an_observation(a_reading(CPU_50, {"shop-0": 60, "shop-1": 60}), pods=some_pods(4))
    assert asked(observation).replicas == 4


def test_missing_pods_that_bring_it_within_tolerance_keep_the_count() -> None:
    """Five at 120 % with one missing: 600 of 600 is exactly the target."""
    values = {f"shop-{index}": 120 for index in range(5)}
    assert asked(an_observation(a_reading(CPU_100, values), pods=some_pods(6))).replicas == 6


def test_the_reported_utilization_is_that_before_anything_was_assumed() -> None:
    values = {"shop-0": 10, "shop-1": 10, "shop-2": 10}
    proposal = asked(an_observation(a_reading(CPU_100, values), pods=some_pods(4)))
    assert (proposal.utilization, proposal.ratio, proposal.average_milli) == (10, 0.1, 10)


# Unready pods


def test_unready_pods_are_taken_to_use_nothing_before_a_scale_up() -> None:
    """Two at 300 % and a young one whose start costs 900: 600 of 300, so 2.0 x 3 = 6, whatever the young one uses."""
    pods = (*some_pods(2), a_pod("shop-2", **YOUNG))
    assert asked(an_observation(a_reading(CPU_100, [300, 300, 900]), pods=pods)).replicas == 6


def test_unready_pods_are_left_out_before_a_scale_down() -> None:
    """0.4 x 2 pods that count = 0.8, so 1; 0.6 x 2 = 1.2, so 2. The young one is neither in the average nor in the count."""
    pods = (*some_pods(2), a_pod("shop-2", **YOUNG))
    assert asked(an_observation(a_reading(CPU_100, [40, 40, 900]), pods=pods)).replicas == 1
    assert asked(an_observation(a_reading(CPU_100, [60, 60, 900]), pods=pods)).replicas == 2


def test_a_scale_up_that_shrinks_with_unready_pods_keeps_the_count() -> None:
    """One at 120 % and three young ones: 120 of 400 is 30 %, so the direction would turn."""
    pods = (a_pod("shop-0"), *(a_pod(f"shop-{index}", **YOUNG) for index in (1, 2, 3)))
    assert asked(an_observation(a_reading(CPU_100, [120, 0, 0, 0]), pods=pods)).replicas == 4


def test_a_result_against_the_direction_keeps_the_count() -> None:
    """A rollout: spec 2, five pods at 80 % and one missing: 500 of 600 is 83 %; 0.83 x 6 = 5, above the 2: no."""
    values = {f"shop-{index}": 80 for index in range(5)}
    observation = an_observation(a_reading(CPU_100, values), pods=some_pods(6), replicas=2)
    assert asked(observation).replicas == 2


def test_pending_and_missing_pods_are_both_taken_to_use_nothing() -> None:
    """One at 500 %, one pending, one missing: 500 of 300 is 166 %; 1.66 x 3 = 4.98, so 5."""
    pods = (a_pod("shop-0"), a_pod("shop-1", phase=PodPhase.PENDING, ready=None), a_pod("shop-2"))
    assert asked(an_observation(a_reading(CPU_100, {"shop-0": 500}), pods=pods)).replicas == 5


# What fails


def test_a_selector_without_pods_fails() -> None:
    failure = refused(an_observation(a_reading(CPU_100, [50]), pods=(), replicas=1))
    assert failure.reason is Reason.FAILED_GET_RESOURCE_METRIC


def test_only_unready_pods_fail() -> None:
    failure = refused(an_observation(a_reading(CPU_100, [50]), pods=(a_pod(**YOUNG),)))
    assert "unready" in failure.message


def test_a_pod_without_a_request_fails_utilization_but_not_an_average() -> None:
    pods = (a_pod("shop-0"), a_pod("shop-1", cpu_milli=None))
    failure = refused(an_observation(a_reading(CPU_100, [50, 50]), pods=pods))
    assert failure == Failure(Reason.FAILED_GET_RESOURCE_METRIC, "container app of pod shop-1 has no cpu request")
    plain = a_reading(a_resource_metric(average="50m"), [50, 50])
    assert asked(an_observation(plain, pods=pods)).replicas == 2


def test_requests_of_zero_fail() -> None:
    assert "request no cpu" in refused(an_observation(a_reading(CPU_100, [50]), pods=(a_pod(cpu_milli=0),))).message


def test_a_container_that_is_not_there_fails_with_the_reason_of_its_type() -> None:
    metric = a_resource_metric(utilization=50, container="db")
    failure = refused(an_observation(a_reading(metric, [50]), pods=some_pods(1)))
    assert failure.reason is Reason.FAILED_GET_CONTAINER_RESOURCE_METRIC


# A query: External with AverageValue


def a_query_observation(value_milli: int | None, *, spec: int, running: int) -> Observation:
    reading: MetricReading = a_reading(a_query_metric("10"), value_milli)
    return an_observation(reading, pods=some_pods(spec), status_replicas=running)


@pytest.mark.parametrize(
    ("value_milli", "replicas"),
    [
        (36_000, 4),  # 36 of 40 is 0.9: in tolerance
        (44_000, 4),  # 1.1: in tolerance
        (44_001, 5),  # just outside: 4.4001, so 5
        (35_999, 4),  # 0.899975: outside, but 3.5999 is 4
        (30_000, 3),
        (0, 0),  # an honest zero; bounds come later
    ],
)
def test_a_query_asks_for_what_carries_its_value(value_milli: int, replicas: int) -> None:
    assert asked(a_query_observation(value_milli, spec=4, running=4)).replicas == replicas


def test_a_query_within_tolerance_proposes_the_replicas_of_the_status() -> None:
    assert asked(a_query_observation(40_000, spec=6, running=4)).replicas == 4


def test_the_reported_average_of_a_query_is_rounded_up() -> None:
    proposal = asked(a_query_observation(40_001, spec=4, running=4))
    assert (proposal.average_milli, proposal.ratio) == (10_001, 40_001 / 40_000)


def test_a_query_needs_no_running_pod() -> None:
    assert asked(a_query_observation(25_000, spec=1, running=0)) == Proposal(3, None, None)
    assert asked(a_query_observation(0, spec=1, running=0)).replicas == 0


def test_a_query_without_a_value_fails() -> None:
    assert refused(a_query_observation(None, spec=1, running=1)).reason is Reason.FAILED_GET_PROMETHEUS_METRIC


def test_an_absurd_load_asks_for_the_largest_count_there_is() -> None:
    assert asked(a_query_observation(2**70, spec=1, running=1)).replicas == 2**31 - 1
    plain = a_reading(a_resource_metric(average="1m"), [2**80])
    assert asked(an_observation(plain, pods=some_pods(1))).replicas == 2**31 - 1
