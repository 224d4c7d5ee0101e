"""Everything that can keep a pod from being restarted, each as one small function in one list.

The order of the list is the order in which refusals are told. A refusal names its reason and what would have to change.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from autoscaler.api.types import HealingBudget, HealingPolicySpec
from autoscaler.healing import book
from autoscaler.healing.types import ActRecord, Limits
from autoscaler.model import PodView, WorkloadKey, WorkloadView
from autoscaler.reasons import Reason

OPT_OUT = "foresail.dev/heal"  # annotation of a pod; "false" keeps it from being restarted
_SYSTEM_NAMESPACE = "kube-system"
_CRITICAL = ("system-cluster-critical", "system-node-critical")


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is the same for all pods of a pass, and the book as it stands with the acts chosen so far."""

    spec: HealingPolicySpec
    limits: Limits
    workloads: Mapping[WorkloadKey, WorkloadView]
    nodes_not_ready: frozenset[str]
    age_s: float
    breaker_left_s: float  # how long the breaker stays open; 0: closed
    acts: tuple[ActRecord, ...]
    now_s: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a brake holds, and what would have to change for it to let go."""

    reason: Reason
    cause: str
    remedy: str


Brake = Callable[[PodView, Circumstances], Refusal | None]


def refusal(pod: PodView, circumstances: Circumstances) -> Refusal | None:
    """Return the first brake that holds, or None when the pod may be restarted."""
    return next((found for found in (brake(pod, circumstances) for brake in BRAKES) if found), None)


def allowed_unavailable(budget: HealingBudget, replicas: int) -> int:
    """Return `maxUnavailable` in pods: a percentage is rounded down, but never below 1."""
    given = budget.max_unavailable
    if isinstance(given, int):
        return given
    try:
        percent = int(given.removesuffix("%"))
    except ValueError as error:
        raise ValueError(f"maxUnavailable {given!r} is neither a number nor a percentage such as 25%") from error
    return max(1, replicas * percent // 100)


def _stale(_pod: PodView, circumstances: Circumstances) -> Refusal | None:
    if circumstances.age_s <= circumstances.limits.stale_s:  # also false for NaN
        return None
    cause = f"the API server was last heard of {circumstances.age_s:.0f} s ago"
    return Refusal(Reason.REFUSED_STALE, cause, f"news younger than {circumstances.limits.stale_s:.0f} s must arrive")


def _protected(pod: PodView, _circumstances: Circumstances) -> Refusal | None:
    why = next(((cause, remedy) for holds, cause, remedy in _protections(pod) if holds), None)
    return Refusal(Reason.REFUSED_PROTECTED, *why) if why else None


def _protections(pod: PodView) -> tuple[tuple[bool, str, str], ...]:
    """Return every protection of a pod: whether it holds, the cause, and what would have to change."""
    kind = pod.workload.kind if pod.workload else None
    opted_out = pod.annotations.get(OPT_OUT, "").strip().lower() == "false"
    owner = "let a Deployment or StatefulSet own it, or restart it by hand"
    other = "give it another priority class, or restart it by hand"
    return (
        (pod.mirror, "it is the image of a static pod, which the API cannot restart", "restart it on its node"),
        (kind is None, "nothing would replace it, as no workload owns it", owner),
        (kind == "DaemonSet", "pods of a DaemonSet are not restarted", "restart it by hand"),
        (pod.priority_class in _CRITICAL, f"its priority class is {pod.priority_class}", other),
        (pod.namespace == _SYSTEM_NAMESPACE, f"nothing is restarted in {_SYSTEM_NAMESPACE}", "restart it by hand"),
        (opted_out, f"its annotation {OPT_OUT} is false", "remove the annotation from the pod and from its template"),
    )


def _disruption_target(pod: PodView, _circumstances: Circumstances) -> Refusal | None:
    if not pod.disruption_target:
        return None
    cause = "something else is already evicting or pre-empting it"
    return Refusal(Reason.REFUSED_PROTECTED, cause, "its DisruptionTarget condition must go")


def _workload_unknown(pod: PodView, circumstances: Circumstances) -> Refusal | None:
    if pod.workload in circumstances.workloads:
        return None
    cause = f"its workload {pod.workload} has not been seen"
    return Refusal(Reason.REFUSED_STALE, cause, "the workload must be there, readable, and of a kind that is watched")


def _node_not_ready(pod: PodView, circumstances: Circumstances) -> Refusal | None:
    if pod.node not in circumstances.nodes_not_ready:
        return None
    cause = f"its node {pod.node} is not Ready, so the fault may be the node's"
    return Refusal(Reason.REFUSED_NODE_NOT_READY, cause, "the node must become Ready; its controller evicts the pods if not")


def _rollout(pod: PodView, circumstances: Circumstances) -> Refusal | None:
    view = _view(pod, circumstances)
    if not view.rolling_out:
        return None
    return Refusal(Reason.REFUSED_ROLLOUT, f"an update of {view.key} is under way", "the rollout must end or be undone")


def _breaker(_pod: PodView, circumstances: Circumstances) -> Refusal | None:
    if circumstances.breaker_left_s <= 0:
        return None
    breaker = circumstances.spec.breaker
    cause = f"the breaker is open, as more than {breaker.unhealthy_percent} % of the selected workloads fail or failed lately"
    remedy = f"fewer must fail; it closes in {circumstances.breaker_left_s:.0f} s at the earliest"
    return Refusal(Reason.REFUSED_BREAKER_OPEN, cause, remedy)


def _outcome(pod: PodView, circumstances: Circumstances) -> Refusal | None:
    view = _view(pod, circumstances)
    act = book.pending(circumstances.acts, view.key)
    if act is None:
        return None
    left_s = max(0.0, act.at_s + circumstances.limits.outcome_s - circumstances.now_s)
    cause = f"the outcome of the act on pod {act.pod} of the same workload is not known yet"
    return Refusal(Reason.PENDING_OUTCOME, cause, f"all replicas must become Ready, or {left_s:.0f} s pass")


def _interval(pod: PodView, circumstances: Circumstances) -> Refusal | None:
    view = _view(pod, circumstances)
    history = book.of_workload(circumstances.acts, view.key)
    wait_s = book.interval_s(circumstances.acts, view.key, circumstances.spec.budget)
    if not history or circumstances.now_s - history[-1].at_s >= wait_s:
        return None
    since_s = circumstances.now_s - history[-1].at_s
    cause = f"its workload was acted on {since_s:.0f} s ago and the interval is now {wait_s:.0f} s"
    return Refusal(Reason.REFUSED_INTERVAL, cause, f"{wait_s - since_s:.0f} s more must pass")


def _hourly_budget(_pod: PodView, circumstances: Circumstances) -> Refusal | None:
    used, per_hour = book.in_last_hour(circumstances.acts, circumstances.now_s), circumstances.spec.budget.per_hour
    if used >= per_hour:
        cause = f"{used} acts within the last hour use up perHour {per_hour}"
        return Refusal(Reason.REFUSED_HOURLY_BUDGET, cause, "the oldest of them must be an hour old, or perHour be raised")
    if len(circumstances.acts) >= book.BOOK_LIMIT:
        cause = f"the policy's status holds {len(circumstances.acts)} acts that still count, and no more fit"
        return Refusal(Reason.REFUSED_HOURLY_BUDGET, cause, "some of their intervals must pass")
    return None


def _max_unavailable(pod: PodView, circumstances: Circumstances) -> Refusal | None:
    view = _view(pod, circumstances)
    allowed = allowed_unavailable(circumstances.spec.budget, view.replicas)
    unavailable = max(1, view.replicas - view.ready)  # the pod itself is one of them
    if unavailable <= allowed:
        return None
    cause = f"{unavailable} of {view.replicas} replicas are not Ready and maxUnavailable allows {allowed}"
    return Refusal(Reason.REFUSED_MAX_UNAVAILABLE, cause, "other replicas must become Ready, or maxUnavailable be raised")


def _view(pod: PodView, circumstances: Circumstances) -> WorkloadView:
    """Return the pod's workload; `_protected` and `_workload_unknown` come first and hold when there is none."""
    assert pod.workload is not None  # noqa: S101 - for the type checker
    return circumstances.workloads[pod.workload]


BRAKES: tuple[Brake, ...] = (
    _stale,
    _protected,
    _disruption_target,
    _workload_unknown,
    _node_not_ready,
    _rollout,
    _breaker,
    _outcome,
    _interval,
    _hourly_budget,
    _max_unavailable,
)
