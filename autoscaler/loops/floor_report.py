"""Tell of floors that were raised, moved, given back or refused: log line, Event, notice, metric and page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from autoscaler import telemetry
from autoscaler.api.floor_standing import Standing
from autoscaler.clients.ports import Json
from autoscaler.loops import report as tell
from autoscaler.loops import status
from autoscaler.loops.context import Context
from autoscaler.loops.observe import Served
from autoscaler.loops.report import Happening
from autoscaler.loops.scale_status import ACTING, Outcome, Result
from autoscaler.loops.status import key_of
from autoscaler.model import ObjectKey
from autoscaler.reasons import Reason
from autoscaler.scaling.floor import Floor
from autoscaler.scaling.types import Condition

KIND = "PredictiveAutoscaler"
_REFUSALS = (
    Reason.OWNED_BY_SCALED_OBJECT,
    Reason.FLOOR_CONTESTED,
    Reason.FLOOR_FAILED,
)  # a conflict is told of as of any target
log = structlog.get_logger()


@dataclass(slots=True)
class FloorReporter:
    """Remembers what was told already, so that a state that lasts is told once."""

    context: Context
    _told: dict[ObjectKey, str] = field(default_factory=dict)  # reason of the last pass's condition
    _counted: set[ObjectKey] = field(default_factory=set)

    def keep_only(self, keys: Iterable[ObjectKey]) -> None:
        """Forget objects that are gone, and remove their series."""
        there = set(keys)
        self._told = {key: reason for key, reason in self._told.items() if key in there}
        for key in self._counted - there:
            telemetry.ACTS.remove_by_labels({"namespace": key.namespace, "name": key.name, "act": "floor"})
        self._counted &= there

    async def moved(self, served: Served, before: Standing, after: int, outcome: Outcome, floor: Floor | None) -> None:
        """Tell of a floor that was moved or given back, or that could not be."""
        key, hpa = served.key, served.obj["spec"]["scaleTargetRef"]["name"]
        telemetry.ACTS.labels(key.namespace, key.name, "floor", outcome.result.value).inc()
        self._counted.add(key)
        values = _values(ObjectKey(key.namespace, hpa), before, after)
        match outcome.result:
            case Result.DONE:
                reason = reason_of(before, after)
                why = floor.message if floor else "nothing is asked for"
                log.info("floor_moved", namespace=key.namespace, name=key.name, **values, reason=reason.value, why=why)
                await self._event(served.obj, reason, _note(values, reason, why))
                self._notice(key, values, reason, why)
                tell.act(self.context, "floor", key, {"result": "done", "why": why, **values})
            case Result.FAILED:
                log.warning("floor_failed", namespace=key.namespace, name=key.name, **values, error=outcome.message)
                tell.act(self.context, "floor", key, {"result": "failed", "why": outcome.message, **values})
            case _:
                log.info("floor_left_to_next_pass", namespace=key.namespace, name=key.name, **values, why=outcome.message)

    async def swept(self, hpa: Json, before: Standing, outcome: Outcome, of: ObjectKey) -> None:
        """Tell of an HPA that had been left behind; the object that it was for may be gone."""
        key, after = key_of(hpa), before.owner_min
        values = _values(key, before, after)
        names = {"namespace": of.namespace, "name": of.name}
        if outcome.result is not Result.DONE:
            log.warning("floor_not_restored", **names, **values, error=outcome.message)
            return
        why = f"PredictiveAutoscaler {of} is gone or does not ask for a floor any more"
        log.info("floor_moved", **names, **values, reason=Reason.FLOOR_RESTORED.value, why=why)
        regarding = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", **hpa}
        note = _note(values, Reason.FLOOR_RESTORED, why)
        await tell.event(self.context, regarding, Happening(Reason.FLOOR_RESTORED, "Floor", note))
        self._notice(of, values, Reason.FLOOR_RESTORED, why)
        tell.act(self.context, "floor", of, {"result": "done", "why": why, **values})

    async def tell(self, served: Served, brake: Condition) -> None:
        """Tell of a floor that is refused, once for each reason; a restart of the service does not repeat it."""
        known = self._told.get(served.key) or status.find(served.obj.get("status") or {}, ACTING).get("reason", "")
        self._told[served.key] = brake.reason.value
        if brake.status or brake.reason not in _REFUSALS or known == brake.reason.value:
            return
        names = {"namespace": served.key.namespace, "name": served.key.name}
        log.warning("floor_refused", **names, reason=brake.reason.value, why=brake.message)
        await self._event(served.obj, brake.reason, brake.message, warning=True)
        kind = "foresail.failed" if brake.reason is Reason.FLOOR_FAILED else "foresail.refused"
        tell.notice(self.context, kind, {"object": _object(served.key), "reason": brake.reason.value, "message": brake.message})

    async def _event(self, obj: Json, reason: Reason, note: str, *, warning: bool = False) -> None:
        regarding = {"apiVersion": "foresail.dev/v1alpha1", "kind": KIND, **obj}
        await tell.event(self.context, regarding, Happening(reason, "Floor", note, warning=warning))

    def _notice(self, key: ObjectKey, values: Mapping[str, object], reason: Reason, why: str) -> None:
        target = {"kind": "HorizontalPodAutoscaler", "name": values["target"]}
        data: Json = {"object": _object(key), "target": target, "reason": reason.value, "message": why}
        data |= {"before": values["before"], "after": values["after"], "owner": values["owner"]}
        tell.notice(self.context, "foresail.floor", data)


def _values(hpa: ObjectKey, before: Standing, after: int) -> dict[str, object]:
    return {"target": hpa.name, "before": before.live, "after": after, "owner": before.owner_min}


def reason_of(before: Standing, after: int) -> Reason:
    """Return what a floor that was written came to."""
    if after <= before.owner_min:
        return Reason.FLOOR_RESTORED
    return Reason.FLOOR_RAISED if after >= before.live else Reason.FLOOR_LOWERED


def _note(values: Mapping[str, object], reason: Reason, why: str) -> str:
    done = "given back to its owner as" if reason is Reason.FLOOR_RESTORED else "set to"
    was = f", which was {values['before']}" if values["before"] != values["after"] else ""
    return f"minReplicas of HorizontalPodAutoscaler {values['target']}{was}, is {done} {values['after']}: {why}"


def _object(key: ObjectKey) -> Json:
    return {"kind": KIND, "namespace": key.namespace, "name": key.name}
