"""Which pods of a target count, and what they request. The HPA's rules (Kubernetes 1.36, `replica_calculator.go`)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from autoscaler.model import PodPhase, PodView
from autoscaler.scaling.readings import Usage
from autoscaler.scaling.types import Policy

CPU = "cpu"


class Group(Enum):
    """How a pod counts."""

    IGNORED = "ignored"  # going or gone
    UNREADY = "unready"  # its value says nothing yet
    MISSING = "missing"  # it has no value
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Groups:
    """Names of pods by how they count."""

    ignored: frozenset[str]
    unready: frozenset[str]
    missing: frozenset[str]
    ready: frozenset[str]


def grouped(pods: Iterable[PodView], usage: Usage, resource: str, policy: Policy, now_s: float) -> Groups:
    """Return the pods by how they count for a metric; each is in exactly one group."""
    names: dict[Group, set[str]] = {group: set() for group in Group}
    for pod in pods:
        names[_group(pod, usage, resource, policy, now_s)].add(pod.name)
    return Groups(
        ignored=frozenset(names[Group.IGNORED]),
        unready=frozenset(names[Group.UNREADY]),
        missing=frozenset(names[Group.MISSING]),
        ready=frozenset(names[Group.READY]),
    )


def _group(pod: PodView, usage: Usage, resource: str, policy: Policy, now_s: float) -> Group:
    """Return how one pod counts; the order of the tests is part of the rule."""
    if is_ignored(pod):
        return Group.IGNORED
    if pod.phase is PodPhase.PENDING:
        return Group.UNREADY
    if pod.name not in usage.values:
        return Group.MISSING
    if resource == CPU and _cpu_says_nothing(pod, usage, policy, now_s):
        return Group.UNREADY
    return Group.READY


def is_ignored(pod: PodView) -> bool:
    """Say whether a pod is going or has failed, so that it carries no load."""
    return pod.deleting or pod.phase is PodPhase.FAILED


def _cpu_says_nothing(pod: PodView, usage: Usage, policy: Policy, now_s: float) -> bool:
    """Say whether the CPU of a pod is that of its start, not of load: it is not Ready, or was not for a whole window."""
    if pod.ready is None or pod.start_s is None:
        return True
    changed_s = float("-inf") if pod.ready_changed_s is None else pod.ready_changed_s
    not_ready = not pod.ready and not pod.readiness_unknown  # a silent node says nothing of its pods
    if now_s < pod.start_s + policy.cpu_initialization_period_s:
        return not_ready or usage.at_s[pod.name] < changed_s + usage.window_s[pod.name]
    was_never_ready = changed_s < pod.start_s + policy.initial_readiness_delay_s
    return not_ready and was_never_ready


def requests(pods: Iterable[PodView], resource: str, container: str | None) -> Mapping[str, int] | str:
    """Return what each pod requests of a resource, in milli-units; or a sentence that names the pod that requests nothing.

    One pod without a request spoils the whole: nobody can say what a percentage of nothing is. A named container counts
    alone; otherwise the requests of a pod as a whole, where it has its own, come before those of its containers.
    """
    found: dict[str, int] = {}
    for pod in pods:
        request = _request(pod, resource, container)
        if isinstance(request, str):
            return request
        found[pod.name] = request
    return found


def _request(pod: PodView, resource: str, container: str | None) -> int | str:
    if container is not None:
        if container not in pod.requests_milli:
            return f"pod {pod.name} has no container {container}"
        return pod.requests_milli[container].get(resource, f"container {container} of pod {pod.name} has no {resource} request")
    if pod.pod_requests_milli is not None:
        return pod.pod_requests_milli.get(resource, f"pod {pod.name} has no {resource} request")
    total = 0
    for name, asked in pod.requests_milli.items():
        if resource not in asked:
            return f"container {name} of pod {pod.name} has no {resource} request"
        total += asked[resource]
    return total if pod.requests_milli else f"pod {pod.name} has no {resource} request"
