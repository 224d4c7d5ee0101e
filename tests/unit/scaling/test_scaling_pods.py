"""Which pods count: the HPA's grouping, test by test in its order, and the sum of requests."""

from typing import Any

import pytest

from autoscaler.model import PodPhase, PodView
from autoscaler.scaling.pods import Groups, grouped, requests
from autoscaler.scaling.readings import Usage
from tests.builders import NOW_S, a_pod, a_policy


def group_of(pod: PodView, *, resource: str = "cpu", sampled_ago_s: float = 5.0, has_value: bool = True) -> str:
    """The group of one pod, whose value covers one minute."""
    values = {pod.name: 50} if has_value else {}
    usage = Usage(values, {pod.name: NOW_S - sampled_ago_s}, {pod.name: 60.0})
    found: Groups = grouped([pod], usage, resource, a_policy(), NOW_S)
    (group,) = [name for name in ("ignored", "unready", "missing", "ready") if getattr(found, name) == {pod.name}]
    return group


def test_a_pod_that_runs_and_has_a_value_counts() -> None:
    assert group_of(a_pod()) == "ready"


@pytest.mark.parametrize(
    "fields",
    [
        {"deleting": True},
        {"phase": PodPhase.FAILED},
        {"deleting": True, "phase": PodPhase.PENDING},
    ],
)
def test_a_pod_that_goes_or_failed_is_ignored_before_anything_else(fields: dict[str, Any]) -> None:
    assert group_of(a_pod(**fields)) == "ignored"
    assert group_of(a_pod(**fields), has_value=False) == "ignored"


@pytest.mark.parametrize("resource", ["cpu", "memory"])
def test_a_pending_pod_is_unready_with_or_without_a_value(resource: str) -> None:
    pod = a_pod(phase=PodPhase.PENDING)
    assert group_of(pod, resource=resource) == "unready"
    assert group_of(pod, resource=resource, has_value=False) == "unready"


def test_a_pod_without_a_value_is_missing_whatever_its_readiness() -> None:
    assert group_of(a_pod(ready=False), has_value=False) == "missing"


@pytest.mark.parametrize("fields", [{"ready": None}, {"start_s": None}])
def test_a_pod_without_ready_condition_or_start_time_is_unready_for_cpu(fields: dict[str, Any]) -> None:
    assert group_of(a_pod(**fields)) == "unready"


def test_memory_never_looks_at_readiness() -> None:
    assert group_of(a_pod(ready=False, start_s=NOW_S - 10), resource="memory") == "ready"
    assert group_of(a_pod(ready=None, start_s=None), resource="memory") == "ready"


def test_a_succeeded_pod_with_a_value_counts() -> None:
    assert group_of(a_pod(phase=PodPhase.SUCCEEDED)) == "ready"


def test_a_young_pod_that_is_not_ready_is_unready() -> None:
    assert group_of(a_pod(start_s=NOW_S - 299, ready=False, ready_changed_s=NOW_S - 200)) == "unready"


def test_a_young_pod_counts_once_its_value_covers_a_whole_window_of_being_ready() -> None:
    """Ready for 70 s: a sample 10 s ago covers exactly the 60 s since; one 11 s ago reaches into the start."""
    pod = a_pod(start_s=NOW_S - 100, ready=True, ready_changed_s=NOW_S - 70)
    assert group_of(pod, sampled_ago_s=10) == "ready"
    assert group_of(pod, sampled_ago_s=11) == "unready"


def test_the_young_age_ends_exactly_with_the_initialization_period() -> None:
    """300 s after its start a Ready pod counts, even if its value is from before."""
    at_the_end = a_pod(start_s=NOW_S - 300, ready=True, ready_changed_s=NOW_S - 1)
    just_before = a_pod(start_s=NOW_S - 299.5, ready=True, ready_changed_s=NOW_S - 1)
    assert group_of(at_the_end) == "ready"
    assert group_of(just_before) == "unready"


def test_an_old_pod_that_was_never_ready_is_unready_and_one_that_was_counts() -> None:
    """It became unready within 30 s of its start: that was the start. 30 s or later: it had been Ready, so it has load."""
    never = a_pod(start_s=NOW_S - 1000, ready=False, ready_changed_s=NOW_S - 971)
    once = a_pod(start_s=NOW_S - 1000, ready=False, ready_changed_s=NOW_S - 970)
    assert group_of(never) == "unready"
    assert group_of(once) == "ready"


def test_a_ready_condition_without_a_time_counts_as_from_long_ago() -> None:
    assert group_of(a_pod(start_s=NOW_S - 100, ready=True, ready_changed_s=None)) == "ready"
    assert group_of(a_pod(ready=False, ready_changed_s=None)) == "unready"


def test_a_request_is_the_sum_over_containers() -> None:
    pod = a_pod(requests_milli={"app": {"cpu": 100}, "proxy": {"cpu": 50, "memory": 7}})
    assert requests([pod], "cpu", None) == {"shop-0": 150}


def test_one_container_without_a_request_spoils_the_whole() -> None:
    good, bad = a_pod("good"), a_pod("bad", requests_milli={"app": {"cpu": 100}, "proxy": {}})
    assert requests([good, bad], "cpu", None) == "container proxy of pod bad has no cpu request"


def test_even_a_pod_that_does_not_count_must_have_a_request() -> None:
    gone = a_pod("gone", deleting=True, cpu_milli=None)
    assert requests([a_pod(), gone], "cpu", None) == "container app of pod gone has no cpu request"


def test_a_named_container_counts_alone() -> None:
    pod = a_pod(requests_milli={"app": {"cpu": 100}, "proxy": {}}, pod_requests_milli={"cpu": 900})
    assert requests([pod], "cpu", "app") == {"shop-0": 100}
    assert requests([pod], "cpu", "proxy") == "container proxy of pod shop-0 has no cpu request"
    assert requests([pod], "cpu", "db") == "pod shop-0 has no container db"


def test_requests_of_the_pod_as_a_whole_come_before_those_of_containers() -> None:
    pod = a_pod(pod_requests_milli={"cpu": 900})
    assert requests([pod], "cpu", None) == {"shop-0": 900}


def test_a_pod_with_requests_of_its_own_has_none_of_what_is_not_among_them() -> None:
    pod = a_pod(pod_requests_milli={"cpu": 900})
    assert requests([pod], "memory", None) == "pod shop-0 has no memory request"


def test_readiness_that_is_not_known_is_not_unreadiness() -> None:
    lost = {"ready": False, "readiness_unknown": True}
    assert group_of(a_pod(start_s=NOW_S - 100, ready_changed_s=NOW_S - 70, **lost), sampled_ago_s=10) == "ready"
    assert group_of(a_pod(start_s=NOW_S - 1000, ready_changed_s=NOW_S - 995, **lost)) == "ready"


def test_a_pod_whose_containers_are_not_known_has_no_request() -> None:
    assert requests([a_pod(requests_milli={})], "cpu", None) == "pod shop-0 has no cpu request"
