"""One pass over a HealingPolicy: which faulty pods to restart, which not, and why.

Decides only. The loop writes the reservation to the API (`reserve`), acts, and writes what came of it (`settle`); the next pass
finds out whether it helped. In mode Observe a pod that would be evicted gets the verb NOTIFY with the reason ModeObserve;
every refusal is the same as in mode Heal.
"""

from dataclasses import replace

from autoscaler.api.types import HealingAction, HealingBreaker, HealingMode, HealingPolicySpec
from autoscaler.healing import book, breaker, faults, outcomes
from autoscaler.healing.brakes import Circumstances, refusal
from autoscaler.healing.types import (
    ActRecord,
    ActState,
    Decision,
    Limits,
    Observation,
    PodDecision,
    State,
    Verb,
)
from autoscaler.model import PodView
from autoscaler.reasons import Reason

_DEFAULT_LIMITS = Limits()
_Found = tuple[PodView, faults.Fault]


def decide(
    observation: Observation, spec: HealingPolicySpec, state: State, now_s: float, limits: Limits = _DEFAULT_LIMITS
) -> tuple[Decision, State]:
    """Return what to do about every pod of a policy that is not healthy, and the state for the next pass.

    Pure and repeatable: nothing is reserved by it, so a decision that is not carried out costs no budget. At most one
    pod of a workload is to be evicted.
    """
    known = book.prune(state.acts, spec.budget, now_s)
    judged = outcomes.judge(known, observation, limits, now_s)
    found = _find(observation, spec, now_s)
    trips = observation.age_s <= limits.stale_s and _trips(observation, found, spec.breaker)
    until_s = breaker.open_until_s(state.breaker_open_until_s, trips=trips, breaker=spec.breaker, now_s=now_s)
    circumstances = Circumstances(
        spec=spec,
        limits=limits,
        workloads={view.key: view for view in observation.workloads},
        nodes_not_ready=observation.nodes_not_ready,
        age_s=observation.age_s,
        breaker_left_s=0.0 if until_s is None else until_s - now_s,
        acts=judged,
        now_s=now_s,
    )
    pods = _judge_pods(found, circumstances)
    news = tuple(after for before, after in zip(known, judged, strict=True) if before != after)
    healthy = sum(map(faults.healthy, observation.pods))
    message = _summary(pods, healthy, breaker_open=until_s is not None)
    return Decision(pods, healthy, news, until_s is not None, message), State(judged, until_s)


def reserve(state: State, decision: PodDecision, now_s: float) -> State:
    """Return the state with an act reserved; it must be in the API before the act, so that a crash cannot forget it."""
    if decision.pod.workload is None:
        raise ValueError(f"reserving an act on pod {decision.pod.namespace}/{decision.pod.name}: no workload owns it")
    act = ActRecord(round(now_s, 6), decision.pod.workload, decision.pod.name, decision.pod.uid, ActState.RESERVED)
    return replace(state, acts=(*state.acts, act))


def settle(state: State, uid: str, result: ActState) -> State:
    """Return the state with what came of the reserved act on the pod of that UID; unchanged when none is reserved."""
    for at in range(len(state.acts) - 1, -1, -1):
        act = state.acts[at]
        if act.uid == uid and act.state is ActState.RESERVED:
            return replace(state, acts=(*state.acts[:at], replace(act, state=result), *state.acts[at + 1 :]))
    return state


def _find(observation: Observation, spec: HealingPolicySpec, now_s: float) -> list[_Found]:
    """Return pods with their faults, the longest first, in an order that does not depend on the input's."""
    found = [(pod, fault) for pod in observation.pods if (fault := faults.find(pod, spec.faults, now_s)) is not None]
    return sorted(found, key=lambda item: (-item[1].lasts_s, item[0].namespace, item[0].name, item[0].uid))


def _trips(observation: Observation, found: list[_Found], policy: HealingBreaker) -> bool:
    failing = {pod.workload for pod, fault in found if pod.workload is not None and faults.sign_of_storm(pod, fault)}
    selected = {view.key for view in observation.workloads} | failing
    return breaker.tripped(failing, selected, policy)


def _judge_pods(found: list[_Found], circumstances: Circumstances) -> tuple[PodDecision, ...]:
    """Decide pod by pod; each act that is chosen counts in the budget of those after it."""
    decisions = []
    for pod, fault in found:
        decision, evicts = _judge(pod, fault, circumstances)
        if evicts:
            acts = reserve(State(circumstances.acts), decision, circumstances.now_s).acts
            circumstances = replace(circumstances, acts=acts)
        decisions.append(decision)
    return tuple(decisions)


def _judge(pod: PodView, fault: faults.Fault, circumstances: Circumstances) -> tuple[PodDecision, bool]:
    """Return the decision, and whether it is an eviction, be it only an observed one."""
    ill = f"Pod {pod.namespace}/{pod.name} has not been Ready for {fault.lasts_s:.0f} s"
    if fault.tolerated:
        text = f"{ill}; this is tolerated for {fault.tolerated_s:.0f} s."
        return PodDecision(pod, Verb.NONE, Reason.TOLERATING, text), False
    if HealingAction.EVICT not in circumstances.spec.actions:
        text = f"{ill}; the policy's actions do not name Evict, so it is only reported."
        return PodDecision(pod, Verb.NOTIFY, fault.reason, text, fault.reason), False
    held = refusal(pod, circumstances)
    if held is not None:
        text = f"{ill}, and is not evicted: {held.cause}; {held.remedy}."
        return PodDecision(pod, Verb.REFUSE, held.reason, text, fault.reason), False
    if circumstances.spec.mode is HealingMode.OBSERVE:
        text = f"{ill}, and would be evicted; the policy's mode is Observe, so nothing is done."
        return PodDecision(pod, Verb.NOTIFY, Reason.MODE_OBSERVE, text, fault.reason), True
    return PodDecision(
        pod, Verb.EVICT, fault.reason, f"{ill}; it is evicted so that its workload replaces it.", fault.reason
    ), True


def _summary(pods: tuple[PodDecision, ...], healthy: int, *, breaker_open: bool) -> str:
    count = {verb: sum(pod.verb is verb for pod in pods) for verb in Verb}
    parts = [f"{healthy} pods are Ready"]
    named = ((Verb.NONE, "tolerated"), (Verb.NOTIFY, "reported"), (Verb.EVICT, "to evict"), (Verb.REFUSE, "refused"))
    parts += [f"{count[verb]} {word}" for verb, word in named if count[verb]]
    return ", ".join(parts) + ("; the breaker is open." if breaker_open else ".")
