"""`onDelete: Restore`: before the first act the target's replicas are written down, and they come back when the object goes.

A finalizer keeps the object until that is done, so that its status is there to read. It is taken off again as soon as there is
nothing to restore: with `onDelete: Keep`, in any other mode, where the target is gone or is somebody else's by now.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from autoscaler import telemetry
from autoscaler.api.marks import RESTORE_FINALIZER
from autoscaler.api.parse import predictive_autoscaler
from autoscaler.api.restored import Scalers, original_of, rival_of, target_name
from autoscaler.clients.ports import Conflict, Json, NotFound, Target
from autoscaler.errors import ForesailError, InvalidObject
from autoscaler.loops import report as tell
from autoscaler.loops import status
from autoscaler.loops.context import AUTOSCALERS, Context
from autoscaler.loops.observe import Served, stale_orders
from autoscaler.loops.report import Happening
from autoscaler.loops.scale_status import ACTING, Outcome, Result
from autoscaler.loops.status import StatusBook, key_of
from autoscaler.model import ObjectKey
from autoscaler.reasons import Reason
from autoscaler.scaling.types import Condition

REMEDY = f"`foresail release --all`, or removing {RESTORE_FINALIZER} from metadata.finalizers, lets the object go as it is"
log = structlog.get_logger()


@dataclass(slots=True)
class Restorer:
    """Writes down what was there, and brings it back; remembers what was told already."""

    context: Context
    statuses: StatusBook
    _told: set[ObjectKey] = field(default_factory=set)

    async def prepare(self, served: Served, replicas: int) -> Outcome | None:
        """Write down what a target has before the first act; None when it is written down, else why nothing may be done yet."""
        obj, name = served.obj, _named(served.target)
        before, version = self.statuses.current(obj), self.statuses.version(obj)
        finalizers: Sequence[str] = obj["metadata"].get("finalizers") or ()
        known = before.get("originalTarget") == name and before.get("originalReplicas") is not None
        if known and RESTORE_FINALIZER in finalizers:
            return None
        what = f"writing down that {name} has {replicas} replicas before they are changed"
        if not self.context.leads():
            return Outcome(Result.BLOCKED, Reason.NOT_LEADER, f"{what}: another replica leads by now")
        after = before if known else {**before, "originalReplicas": replicas, "originalTarget": name}
        kube, where = self.context.kube, (AUTOSCALERS, served.key.namespace, served.key.name)
        try:
            if RESTORE_FINALIZER not in finalizers:
                wanted = (*finalizers, RESTORE_FINALIZER)
                marked = await kube.set_finalizers(*where, finalizers=wanted, resource_version=version)
                if not isinstance(marked, str):
                    return Outcome(Result.CONFLICT, None, f"{what}: the object was written meanwhile")
                self.statuses.note(obj, before, marked)
            problem = await self.statuses.write(obj, after)
        except ForesailError as error:
            return Outcome(Result.FAILED, Reason.FAILED_UPDATE_SCALE, f"{what}: {error}")
        return problem and Outcome(Result.CONFLICT, None, f"{what}: the object was written meanwhile")

    async def release(self, obj: Json) -> None:
        """Take the finalizer off an object, if it is there."""
        meta = obj["metadata"]
        finalizers: Sequence[str] = meta.get("finalizers") or ()
        if RESTORE_FINALIZER not in finalizers or not self.context.leads():
            return
        left = [one for one in finalizers if one != RESTORE_FINALIZER]
        key = key_of(obj)
        try:
            version = self.statuses.version(obj)
            where = (AUTOSCALERS, key.namespace, key.name)
            done = await self.context.kube.set_finalizers(*where, finalizers=left, resource_version=version)
        except ForesailError as error:
            log.warning("finalizer_not_removed", namespace=key.namespace, name=key.name, error=str(error))
            return
        if isinstance(done, str) and "deletionTimestamp" not in meta:
            self.statuses.note(obj, self.statuses.current(obj), done)

    async def let_go(self) -> None:
        """Restore what objects that are being deleted have changed, and let them go."""
        leaving = [one for one in self.context.stores.autoscalers.items() if "deletionTimestamp" in one["metadata"]]
        self._told &= {key_of(obj) for obj in leaving}
        for obj in leaving:
            if RESTORE_FINALIZER not in (obj["metadata"].get("finalizers") or ()):
                continue
            outcome = await self._restored(obj)
            if outcome is None:
                await self.release(obj)
            elif outcome.reason is not Reason.NOT_LEADER:
                await self._complain(obj, outcome)

    async def _restored(self, obj: Json) -> Outcome | None:
        """Bring back what the target of an object had; None when nothing is left to be done."""
        try:
            one = Served(key_of(obj), obj, predictive_autoscaler(obj))
        except InvalidObject as error:
            log.warning("nothing_restored", namespace=key_of(obj).namespace, name=key_of(obj).name, error=str(error))
            return None
        target, replicas = one.target, original_of({**obj, "status": self.statuses.current(obj)})
        if replicas is None:
            return None
        stores = self.context.stores
        hpas, keda = stores.hpas.items() if stores.hpas else (), stores.scaled_objects.items() if stores.scaled_objects else ()
        if rival := rival_of(obj, Scalers(stores.autoscalers.items(), hpas, keda)):
            log.info(
                "nothing_restored", namespace=one.key.namespace, name=one.key.name, why=f"{rival} scales the target by now"
            )
            return None
        what = f"bringing {_named(target)} back to {replicas} replicas, which it had before this object changed them"
        if not self.context.settings.acts:
            return Outcome(Result.BLOCKED, Reason.ACTS_DISABLED, f"{what}: the setting acts is false")
        if stale := stale_orders(self.context):
            return Outcome(Result.BLOCKED, Reason.REFUSED_STALE, f"{what}: {stale}")
        return await self._scale(one, target, replicas, what)

    async def _scale(self, one: Served, target: Target, replicas: int, what: str) -> Outcome | None:
        try:
            seen = await self.context.kube.get_scale(target)
            if isinstance(seen, NotFound) or seen.spec_replicas == replicas:
                return None
            if not self.context.leads():
                return Outcome(Result.BLOCKED, Reason.NOT_LEADER, f"{what}: another replica leads by now")
            written = await self.context.kube.set_scale(target, replicas=replicas, seen=seen)
        except ForesailError as error:
            return Outcome(Result.FAILED, Reason.RESTORE_FAILED, f"{what}: {error}")
        if isinstance(written, Conflict):
            return Outcome(Result.CONFLICT, Reason.RESTORE_FAILED, f"{what}: somebody else wrote it meanwhile")
        if not isinstance(written, NotFound):
            await self._tell(one, seen.spec_replicas, replicas, what)
        return None

    async def _tell(self, one: Served, before: int, after: int, what: str) -> None:
        key, target = one.key, one.target
        values = {"target": target.name, "before": before, "after": after}
        telemetry.ACTS.labels(key.namespace, key.name, "restore", "done").inc()
        log.info("restored", namespace=key.namespace, name=key.name, reason=Reason.RESTORED.value, **values)
        await tell.event(self.context, _ours(one.obj), Happening(Reason.RESTORED, "Restore", f"{what}: done"))
        about = {"kind": "PredictiveAutoscaler", "namespace": key.namespace, "name": key.name}
        aim = {"kind": target.kind, "name": target.name}
        told = {"before": before, "after": after, "reason": Reason.RESTORED.value, "message": what}
        tell.notice(self.context, "foresail.restored", {"object": about, "target": aim, **told})
        tell.act(self.context, "restore", key, {"result": "done", "why": what, **values})

    async def _complain(self, obj: Json, outcome: Outcome) -> None:
        """Say in condition and Event why an object does not go; a state that lasts is told once."""
        key, text = key_of(obj), f"{outcome.message}; {REMEDY}"
        log.warning("not_restored", namespace=key.namespace, name=key.name, error=outcome.message)
        before = self.statuses.current(obj)
        reason = outcome.reason or Reason.RESTORE_FAILED
        condition = Condition(ACTING, status=False, reason=reason, message=text)
        generation = int(obj["metadata"].get("generation", 0))
        merged = status.merge(before.get("conditions"), (condition,), self.context.clock.now_s(), generation)
        try:
            await self.statuses.write(obj, {**before, "conditions": merged})
        except ForesailError as error:
            log.warning(
                "status_not_written", kind="PredictiveAutoscaler", namespace=key.namespace, name=key.name, error=str(error)
            )
        if key not in self._told:
            self._told.add(key)
            await tell.event(self.context, _ours(obj), Happening(Reason.RESTORE_FAILED, "Restore", text, warning=True))


def _named(target: Target) -> str:
    return target_name(target.kind, target.name)


def _ours(obj: Json) -> Json:
    return {"apiVersion": "foresail.dev/v1alpha1", "kind": "PredictiveAutoscaler", **obj}
