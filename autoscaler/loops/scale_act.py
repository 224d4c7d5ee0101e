"""Carry out one scaling decision: read the scale afresh, and write it only if it still is what was observed."""

from collections.abc import Awaitable, Callable
from typing import assert_never

from autoscaler.clients.ports import Conflict, NotFound, Scale
from autoscaler.errors import ForesailError
from autoscaler.loops.context import Context
from autoscaler.loops.observe import Served
from autoscaler.loops.scale_status import Outcome, Result
from autoscaler.reasons import Reason
from autoscaler.scaling.types import Decision

Judge = Callable[[Served, int], Awaitable[Outcome | None]]  # of the replicas that a target has: why it must not be written


async def carry_out(context: Context, served: Served, decision: Decision, judge: Judge) -> Outcome:
    """Scale the target of an object; never raises for what the API server answers.

    A scale that changed since it was observed is left to the next pass: the decision was about another count. `judge` may
    refuse to write the one that was read. Leadership is asked for last, right before the write.
    """
    target = served.target
    what = f"scaling {target.kind} {target.namespace}/{target.name} from {decision.current} to {decision.desired} replicas"
    try:
        seen = await context.kube.get_scale(target)
        if isinstance(seen, Scale) and seen.spec_replicas != decision.current:
            return Outcome(Result.CONFLICT, None, f"{what}: it has {seen.spec_replicas} replicas by now")
        refusal = await judge(served, seen.spec_replicas) if isinstance(seen, Scale) else None
        if not context.leads():
            refusal = Outcome(Result.BLOCKED, Reason.NOT_LEADER, f"{what}: another replica leads by now")
        if refusal:
            return refusal
        written = (
            await context.kube.set_scale(target, replicas=decision.desired, seen=seen) if isinstance(seen, Scale) else seen
        )
    except ForesailError as error:
        return Outcome(Result.FAILED, Reason.FAILED_UPDATE_SCALE, f"{what}: {error}")
    match written:
        case NotFound():
            return Outcome(Result.FAILED, Reason.FAILED_UPDATE_SCALE, f"{what}: it is gone")
        case Conflict():
            return Outcome(Result.CONFLICT, None, f"{what}: somebody else wrote it meanwhile")
        case Scale():
            return Outcome(Result.DONE, Reason.SUCCESSFUL_RESCALE, decision.message)
        case _:
            assert_never(written)
