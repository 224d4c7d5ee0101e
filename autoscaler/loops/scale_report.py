"""Report one object after a scaling pass: status, Events, notices, log line, series and page.

The status is written when it differs, Events and notices are sent when something happened: an act, or what is wrong and was not
before, or for another reason. So a state that lasts is told once, where the HPA repeats its Events in each pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from autoscaler import telemetry
from autoscaler.board import Row
from autoscaler.clients.notes import NOTE_BYTES, cut
from autoscaler.clients.ports import Json
from autoscaler.errors import ForesailError
from autoscaler.loops import decision_row, scale_events, scale_status, scale_turns, status
from autoscaler.loops import report as tell
from autoscaler.loops.context import AUTOSCALERS, Context
from autoscaler.loops.labels import metric_names
from autoscaler.loops.observe import Refused, Served
from autoscaler.loops.report import Happening
from autoscaler.loops.scale_status import ABLE, ACTING, ACTIVE, VALID, Report, Result
from autoscaler.loops.series import SeriesBook
from autoscaler.loops.status import StatusBook
from autoscaler.model import ObjectKey
from autoscaler.reasons import Reason
from autoscaler.scaling.full_cluster import SCHEDULABLE
from autoscaler.scaling.types import Decision

KIND = "PredictiveAutoscaler"
log = structlog.get_logger()


@dataclass(slots=True)
class Reporter:
    """Remembers which statuses were written and which objects are shown."""

    context: Context
    outage: bool = False  # no query is answered: receivers are told that once, not for each object
    statuses: StatusBook = field(init=False)
    _series: SeriesBook = field(default_factory=SeriesBook)
    _shown: set[ObjectKey] = field(default_factory=set)
    _told: dict[ObjectKey, frozenset[str]] = field(default_factory=dict)  # reasons of the Events of the last pass

    def __post_init__(self) -> None:
        self.statuses = StatusBook(self.context.kube, AUTOSCALERS)

    async def served(self, report: Report) -> None:
        """Tell of a valid object."""
        served = report.seen.served
        self._shown.add(served.key)
        now_s = self.context.clock.now_s()
        explained = decision_row.of_report(report, report.decision, now_s) if report.decision else None
        if report.decision and explained:
            self._decided(report, report.decision, explained)
        self._series.show(served.key, scale_status.series(report, now_s))
        before = self.statuses.current(served.obj)
        after = scale_status.of_report(report, before, now_s)
        if explained:
            after = decision_row.keep(before, after, explained)
        spec, target = served.autoscaler.spec, served.target
        row = {"mode": spec.mode.value, "target": f"{target.kind}/{target.name}"}
        self.context.board.autoscalers[served.key] = row | {
            "min": spec.min_replicas,
            "max": spec.max_replicas,
            "message": report.decision.message if report.decision else "",
            "status": after,
        }
        await self._events(report, before, decision_row.event_suffix(explained) if explained else "")
        await self._write(served.obj, before, after)

    async def _events(self, report: Report, before: Json, limited: str) -> None:
        """Send the Events of a pass under the HPA's names, but for what went wrong already in the last one."""
        obj, key = report.seen.served.obj, report.seen.served.key
        happened = scale_events.of_report(report)
        told = self._told[key] if key in self._told else _bad(before)
        self._told[key] = frozenset(one.reason.value for one in happened if one.warning)
        for one in happened:
            if not one.warning and report.decision:
                note = _note(one.message, report.decision, limited)
                await tell.event(self.context, _ours(obj), Happening(one.reason, "Rescale", note))
            elif one.warning and one.reason.value not in told:
                await tell.event(self.context, _ours(obj), Happening(one.reason, "Report", one.message, warning=True))

    async def refused(self, refused: Refused) -> None:
        """Tell of an object that cannot be used as written: condition, one Event per generation, series."""
        self._shown.add(refused.key)
        self._series.show(refused.key, {})
        before = self.statuses.current(refused.obj)
        after = scale_status.of_refused(refused, before, self.context.clock.now_s())
        self.context.board.autoscalers[refused.key] = {"mode": "", "target": "", "message": str(refused.error), "status": after}
        if before != after:
            log.warning("invalid_object", kind=KIND, error=str(refused.error))
        await self._write(refused.obj, before, after)

    def prometheus(self, error: str | None) -> None:
        """Tell receivers when Prometheus stops answering; the log tells it too, and when it is back."""
        if error and not self.outage:
            data = {"reason": Reason.FAILED_COMPUTE_METRICS_REPLICAS.value, "message": f"{error}; replicas are held"}
            tell.notice(self.context, "foresail.failed", data)
        self.outage = error is not None

    def keep_only(self, keys: set[ObjectKey]) -> None:
        """Remove the series, rows and memories of objects that are gone."""
        for key in self._shown - keys:
            self._series.forget(key)
            names = {"namespace": key.namespace, "name": key.name}
            telemetry.DECISIONS.remove_by_labels(names)
            telemetry.ACTS.remove_by_labels({**names, "act": "scale"})  # others are of a HealingPolicy of the same name
            self.context.board.forget_autoscaler(key)
        self._shown &= keys
        self._told = {key: reasons for key, reasons in self._told.items() if key in keys}
        self.statuses.keep_only(keys)

    def _decided(self, report: Report, decision: Decision, explained: Json) -> None:
        served, outcome = report.seen.served, report.outcome
        done = report.floor_act.action if report.floor_act else decision.action
        telemetry.DECISIONS.labels(*_labels(served.key), done.value, decision.reason.value).inc()
        row = self._row(report, decision)
        row |= {"result": explained["result"], "result_reason": explained.get("resultReason")}
        self.context.board.decided(served.key, row)
        is_new = self.context.board.outcomes.add(served.key, explained, decision_row.mark(explained))
        if outcome.result in {Result.DONE, Result.CONFLICT, Result.FAILED}:
            telemetry.ACTS.labels(*_labels(served.key), "scale", outcome.result.value).inc()
        values = {"target": served.target.name, "before": decision.current, "after": decision.desired}
        names = {"namespace": served.key.namespace, "name": served.key.name}
        why = {"why": decision.message, **decision_row.log_values(explained)}
        match outcome.result:
            case Result.DONE:
                reasons = {"reason": Reason.SUCCESSFUL_RESCALE.value, "cause": decision.reason.value}
                log.info("scaled", **names, **values, **reasons, **why)
                self._scaled(served, decision, values)
            case Result.FAILED:
                log.warning("scaling_failed", **names, **values, error=outcome.message, **why)
                tell.act(self.context, "scale", served.key, {"result": "failed", "why": outcome.message, **values})
            case Result.CONFLICT:
                log.info("scaling_left_to_next_pass", **names, **values, **{**why, "why": outcome.message})
            case Result.BLOCKED | Result.HELD:
                blocked = {"blocked_by": outcome.reason.value} if outcome.reason else {}
                told = is_new and (outcome.result is Result.BLOCKED or decision.reason is Reason.CLUSTER_CAP)
                tell_of = log.info if told else log.debug  # what is held back for hours is told once
                tell_of("decided", **names, **values, reason=decision.reason.value, **blocked, **why)

    def _scaled(self, served: Served, decision: Decision, values: Mapping[str, object]) -> None:
        data = {
            "object": {"kind": KIND, "namespace": served.key.namespace, "name": served.key.name},
            "target": {"kind": served.target.kind, "name": served.target.name},
            "before": decision.current,
            "after": decision.desired,
            "reason": Reason.SUCCESSFUL_RESCALE.value,
            "cause": decision.reason.value,
            "message": decision.message,
            "candidates": {source.value: replicas for source, replicas in decision.candidates.items()},
        }
        tell.notice(self.context, "foresail.scaled", data)
        tell.act(self.context, "scale", served.key, {"result": "done", "why": decision.message, **values})

    async def _write(self, obj: Json, before: Json, after: Json) -> None:
        """Write the status if it differs, then tell of what turned bad; a failed write is tried again by the next pass."""
        key = status.key_of(obj)
        try:
            problem = await self.statuses.write(obj, after)
        except ForesailError as error:
            log.warning("status_not_written", kind=KIND, namespace=key.namespace, name=key.name, error=str(error))
            return
        if problem is not None:
            log.info("status_left_to_next_pass", kind=KIND, namespace=key.namespace, name=key.name, why=problem.value)
            return
        for condition in _turned_bad(before, after):
            await self._warn(obj, condition)
        for happening in scale_turns.of_status(before, after):
            await tell.event(self.context, _ours(obj), happening)
            if happening.warning and not self.outage:
                self._failed(key, happening.reason, happening.note)

    async def _warn(self, obj: Json, condition: Json) -> None:
        reason, message, key = Reason(condition["reason"]), condition["message"], status.key_of(obj)
        if reason is Reason.FAILED_UPDATE_SCALE:
            reason = Reason.FAILED_RESCALE  # the HPA's name for the Event
        if condition["type"] == VALID or reason is Reason.TARGET_CONFLICT:  # of all else the HPA has Events of its own
            await tell.event(self.context, _ours(obj), Happening(reason, "Report", message, warning=True))
        if self.outage and condition["type"] == ACTIVE:
            return
        self._failed(key, reason, message)

    def _failed(self, key: ObjectKey, reason: Reason, message: str) -> None:
        data = {"object": {"kind": KIND, "namespace": key.namespace, "name": key.name}}
        kind = "foresail.refused" if reason in {Reason.TARGET_CONFLICT, Reason.TARGET_CONTESTED} else "foresail.failed"
        tell.notice(self.context, kind, data | {"reason": reason.value, "message": message})

    def _row(self, report: Report, decision: Decision) -> Row:
        names = metric_names(report.seen.served.autoscaler.spec.metrics)
        return {
            "at": status.timestamp(self.context.clock.now_s()),
            "action": decision.action.value,
            "current": decision.current,
            "desired": decision.desired,
            "reason": decision.reason.value,
            "message": decision.message,
            "candidates": {source.value: replicas for source, replicas in decision.candidates.items()},
            "metrics": [
                {"name": name, "proposal": one.proposal, "predicted": one.predicted, "error": one.error}
                for name, one in zip(names, decision.metrics, strict=False)
            ],
        }


def _note(size: str, decision: Decision, limited: str) -> str:
    """Return the note of an Event about a change; a long explanation gives way, so that reason and limits are always in it."""
    head = f"{size}. " if decision.cause else size
    tail = f" ({decision.reason.value}){limited}"
    return f"{head}{cut(decision.message, NOTE_BYTES - len((head + tail).encode()))}{tail}"


def _turned_bad(before: Json, after: Json) -> list[Json]:
    """Return conditions that are False and were not before, or for another reason, or about an older spec."""
    found = []
    for kind in (VALID, ABLE, ACTIVE, ACTING):
        old, new = status.find(before, kind), status.find(after, kind)
        same = (old.get("status"), old.get("reason")) == (new.get("status"), new.get("reason"))
        newer = kind == VALID and old.get("observedGeneration") != new.get("observedGeneration")
        meant = kind == ACTING and new.get("reason") != Reason.TARGET_CONTESTED  # as the user or the operator wants it
        if new.get("status") == "False" and (not same or newer) and not meant:
            found.append(new)
    return found[:1]  # the others follow from the first, or can wait for it to be put right


def _bad(before: Json) -> frozenset[str]:
    """Return the reasons of Events that an earlier run of the service has told of: those of the conditions that are False."""
    conditions = [status.find(before, kind) for kind in (ABLE, ACTIVE)]
    reasons = {str(one.get("reason", "")) for one in conditions if one.get("status") == "False"}
    if status.find(before, ACTIVE).get("status") == "False":
        reasons.add(Reason.FAILED_COMPUTE_METRICS_REPLICAS.value)
    if Reason.FAILED_UPDATE_SCALE.value in reasons:
        reasons.add(Reason.FAILED_RESCALE.value)
    lasting = {Reason.TARGET_CONTESTED.value, Reason.UNSCHEDULABLE.value}
    reasons |= lasting & {status.find(before, kind).get("reason", "") for kind in (ACTING, SCHEDULABLE)}
    return frozenset(reasons)


def _ours(obj: Json) -> Json:
    return {"apiVersion": "foresail.dev/v1alpha1", "kind": KIND, **obj}


def _labels(key: ObjectKey) -> tuple[str, str]:
    return key.namespace, key.name
