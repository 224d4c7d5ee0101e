"""Carry out the evictions of one policy: reserve in its status first, evict, settle what came of it.

The reservation is a compare-and-swap: of two that want the same budget one loses and does nothing. A crash between
reservation and eviction leaves the reservation, which counts against the budget as if the pod had been evicted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from autoscaler.clients.ports import EvictionResult, Json
from autoscaler.errors import ForesailError
from autoscaler.healing.decide import reserve, settle
from autoscaler.healing.types import ActState, PodDecision, State, Verb
from autoscaler.loops.context import Context
from autoscaler.loops.status import StatusBook
from autoscaler.reasons import Reason

StatusOf = Callable[[State], Json]


@dataclass(frozen=True, slots=True)
class Acted:
    """What came of the evictions of a policy: each pod's decision as it ended, and the book with it."""

    pods: tuple[PodDecision, ...]
    state: State
    written: bool  # the book is in the API as far as the reservation
    leads: bool = True  # False: leadership was lost on the way, so nothing more may be written


async def evict_all(
    context: Context, statuses: StatusBook, obj: Json, status_of: StatusOf, wanted: tuple[Sequence[PodDecision], State]
) -> Acted:
    """Evict the pods that a decision names; never raises for what the API server answers."""
    chosen, state = tuple(wanted[0]), wanted[1]
    reserved = state
    for one in chosen:
        reserved = reserve(reserved, one, context.clock.now_s())
    try:
        problem = await statuses.write(obj, status_of(reserved))
    except ForesailError as error:
        return Acted(_refused(chosen, f"the budget could not be reserved: {error}"), state, written=False)
    if problem is not None:
        text = "somebody else wrote the policy meanwhile; the next pass decides anew"
        return Acted(_refused(chosen, text), state, written=False)
    done: list[PodDecision] = []
    for one in chosen:
        if not context.leads():
            return Acted((*done, *_not_leading(chosen[len(done) :])), reserved, written=True, leads=False)
        outcome, result = await _evict(context, one)
        reserved = settle(reserved, one.pod.uid, result)
        done.append(outcome)
    return Acted(tuple(done), reserved, written=True)


async def _evict(context: Context, one: PodDecision) -> tuple[PodDecision, ActState]:
    pod = one.pod
    try:
        result = await context.kube.evict(pod.namespace, pod.name, uid=pod.uid)
    except ForesailError as error:
        text = f"{one.message} The eviction failed: {error}."
        return replace(one, verb=Verb.REFUSE, reason=Reason.EVICTION_FAILED, message=text), ActState.FAILED
    match result:
        case EvictionResult.ACCEPTED:
            return replace(one, reason=Reason.RESTARTED_BY_EVICTION), ActState.DONE
        case EvictionResult.GONE:
            text = f"Pod {pod.namespace}/{pod.name} went away by itself before it could be evicted."
            return replace(one, verb=Verb.NONE, reason=Reason.EVICTION_FAILED, message=text), ActState.FAILED
        case EvictionResult.DISRUPTION_BUDGET:
            text = (
                f"Pod {pod.namespace}/{pod.name} is not evicted: a PodDisruptionBudget does not allow it now; more pods must "
                "become Ready, or its unhealthyPodEvictionPolicy be AlwaysAllow."
            )
            return replace(one, verb=Verb.REFUSE, reason=Reason.REFUSED_DISRUPTION_BUDGET, message=text), ActState.FAILED


def _refused(chosen: Sequence[PodDecision], why: str) -> tuple[PodDecision, ...]:
    return tuple(
        replace(one, verb=Verb.REFUSE, reason=Reason.REFUSED_CONFLICT, message=f"{one.message} Not done: {why}.")
        for one in chosen
    )


def _not_leading(chosen: Sequence[PodDecision]) -> tuple[PodDecision, ...]:
    return tuple(replace(one, verb=Verb.REFUSE, reason=Reason.NOT_LEADER) for one in chosen)
