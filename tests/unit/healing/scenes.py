"""Pods, workloads and policies for tests of healing: one faulty Deployment `shop` unless said otherwise."""

from collections.abc import Iterable
from dataclasses import replace

from autoscaler.api.types import (
    Faults,
    HealingAction,
    HealingBreaker,
    HealingBudget,
    HealingMode,
    HealingPolicySpec,
    LabelSelector,
    NotReadyFault,
)
from autoscaler.healing.types import ActRecord, ActState, Decision, Observation, PodDecision
from autoscaler.model import PodPhase, PodView, WorkloadKey, WorkloadView

NOW_S = 1_800_000_000.0
SHOP = WorkloadKey("default", "Deployment", "shop")


def a_workload(key: WorkloadKey = SHOP, *, replicas: int = 3, ready: int = 2, rolling_out: bool = False) -> WorkloadView:
    return WorkloadView(key, replicas, ready, rolling_out)


def a_faulty_pod(name: str = "shop-1", *, unready_s: float = 400.0, now_s: float = NOW_S, **changes: object) -> PodView:
    pod = PodView(
        namespace="default",
        name=name,
        uid=f"uid-{name}",
        phase=PodPhase.RUNNING,
        created_s=now_s - 5000.0,
        start_s=now_s - 4999.0,
        workload=SHOP,
        node="node-1",
        ready=False,
        ready_changed_s=now_s - unready_s,
    )
    return replace(pod, **changes)


def a_ready_pod(name: str = "shop-2", **changes: object) -> PodView:
    return a_faulty_pod(name, **({"ready": True} | changes))


def an_observation(
    *pods: PodView, workloads: Iterable[WorkloadView] | None = None, nodes_not_ready: Iterable[str] = (), age_s: float = 1.0
) -> Observation:
    views = tuple(workloads) if workloads is not None else (a_workload(),)
    return Observation(pods or (a_faulty_pod(),), views, frozenset(nodes_not_ready), age_s)


def a_policy(
    *,
    mode: HealingMode = HealingMode.HEAL,
    for_seconds: int | None = 300,
    actions: tuple[HealingAction, ...] = (HealingAction.NOTIFY, HealingAction.EVICT),
    interval_seconds: int = 300,
    max_unavailable: int | str = 1,
    per_hour: int = 6,
    breaker: HealingBreaker | None = None,
) -> HealingPolicySpec:
    return HealingPolicySpec(
        mode=mode,
        selector=LabelSelector(match_labels={"app": "shop"}),
        faults=Faults(not_ready=None if for_seconds is None else NotReadyFault(for_seconds=for_seconds)),
        actions=actions,
        budget=HealingBudget(interval_seconds=interval_seconds, max_unavailable=max_unavailable, per_hour=per_hour),
        breaker=breaker or HealingBreaker(),
    )


def an_act(
    *, ago_s: float, state: ActState = ActState.HEALED, workload: WorkloadKey = SHOP, uid: str = "uid-old", now_s: float = NOW_S
) -> ActRecord:
    return ActRecord(now_s - ago_s, workload, "old", uid, state)


def the_only(decision: Decision) -> PodDecision:
    (only,) = decision.pods
    return only
