"""The status of a PredictiveAutoscaler, and its series, from what one pass saw, decided and did. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from autoscaler import telemetry
from autoscaler.api.restored import is_restored
from autoscaler.api.types import MetricSpec, Mode
from autoscaler.clients.ports import Json
from autoscaler.loops import scale_past, schedule_status, status
from autoscaler.loops.labels import metric_names
from autoscaler.loops.observe import Refused, Seen
from autoscaler.loops.series import Series
from autoscaler.model import Forecast, GateState
from autoscaler.reasons import Reason
from autoscaler.scaling import burst, full_cluster
from autoscaler.scaling.amounts import target_of
from autoscaler.scaling.draft import action
from autoscaler.scaling.types import Action, Condition, Decision, MetricReading, MetricStatus, Source

ABLE = "AbleToScale"
ACTIVE = "ScalingActive"
ACTING = "Acting"
VALID = "Valid"
_LASTING = ("currentReplicas", "desiredReplicas", "lastScaleTime", "lastChange", scale_past.FIELD)
_CONTESTED = (Reason.TARGET_CONTESTED, Reason.FLOOR_CONTESTED)
_ORIGINAL = ("originalReplicas", "originalTarget")  # what comes back when the object goes


class Result(StrEnum):
    """What came of a decision."""

    HELD = "held"  # nothing was to be done
    DONE = "done"
    CONFLICT = "conflict"  # the target changed since it was observed; the next pass decides anew
    FAILED = "failed"
    BLOCKED = "blocked"  # it must not be carried out
    LEFT = "left"  # to the HPA, which scales the target in mode HPAFloor


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a decision, with the reason and a sentence where it was not carried out."""

    result: Result
    reason: Reason | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class FloorAct:
    """What came of a decision in mode HPAFloor: whether minReplicas of the HPA was written, before and after."""

    outcome: Outcome
    before: int
    after: int

    @property
    def action(self) -> Action:
        """What was done, which is nothing as long as it is left to the HPA."""
        if self.outcome.result is not Result.DONE:
            return Action.HOLD
        return action(self.after, self.before)


@dataclass(frozen=True, slots=True)
class Report:
    """One object after a pass; `decision` is None where its target cannot be scaled."""

    seen: Seen
    decision: Decision | None
    outcome: Outcome
    brake: Condition  # the condition Acting
    lead_s: float | None = None
    floor: Json = field(default_factory=dict)  # in mode HPAFloor: how it stands with the HPA's minReplicas
    floor_act: FloorAct | None = None  # likewise: what came of the decision; `outcome` is of the target, which is the HPA's


def of_report(report: Report, before: Json, now_s: float) -> Json:
    """Return the status of a valid object after a pass; `before` is its status until now."""
    generation = report.seen.served.autoscaler.metadata.generation
    new = _kept(before, _LASTING) | {"observedGeneration": generation}
    if not report.decision:
        new |= _kept(before, ("metrics",))  # what was last known, as with the HPA
    if report.decision and report.seen.observation:
        decision, observation = report.decision, report.seen.observation
        names = metric_names(report.seen.served.autoscaler.spec.metrics)
        new |= {
            "currentReplicas": observation.spec_replicas,
            "candidates": {source.value: replicas for source, replicas in decision.candidates.items()},
            "metrics": [_metric(name, one) for name, one in zip(names, decision.metrics, strict=False)],
        }
        if (
            decision.computed and report.outcome.result is not Result.FAILED
        ):  # else what was desired last stays, as with the HPA
            new["desiredReplicas"] = decision.desired
        if forecast := _forecast(names, decision, observation.forecasts):
            new["forecast"] = forecast
        if decision.timetable:
            new["schedules"] = schedule_status.of_timetable(decision.timetable)
    spec = report.seen.served.autoscaler.spec
    if is_restored(spec.mode, spec.on_delete):
        new |= _kept(before, _ORIGINAL)
    if report.floor:
        new["floor"] = dict(report.floor)
    if report.lead_s is not None:
        new["leadSeconds"] = round(report.lead_s)
    if report.outcome.result is Result.DONE:
        new["lastScaleTime"] = status.timestamp(now_s)
        new |= _events(report, before, now_s)
    known = schedule_status.without_outdated(before.get("conditions"), spec, report.decision)
    merged = status.merge(known, (*_forgotten(report, before), *_conditions(report)), now_s, generation)
    bursts = report.seen.served.autoscaler.spec.burst is not None
    new["conditions"] = [one for one in merged if bursts or one["type"] != burst.CONDITION]  # it goes with the field
    return new


def of_refused(refused: Refused, before: Json, now_s: float) -> Json:
    """Return the status of an object that cannot be used as written."""
    generation = int(refused.obj["metadata"].get("generation", 0))
    text = "; ".join(map(str, refused.error.errors))
    conditions = (
        Condition(VALID, status=False, reason=Reason.INVALID_SPEC, message=text),
        Condition(ACTIVE, status=False, reason=Reason.INVALID_SPEC, message="the spec cannot be used, see condition Valid"),
    )
    new = _kept(before, (*_LASTING, *_ORIGINAL)) | {"observedGeneration": generation}
    return new | {"conditions": status.merge(before.get("conditions"), conditions, now_s, generation)}


def acting(mode: Mode, *, acts: bool, scaled_by_other: bool | None) -> Condition:
    """Return whether decisions about an object are carried out; `scaled_by_other` is None where that is not known."""
    if mode is Mode.OBSERVE and scaled_by_other is False:
        text = "mode is Observe, and nothing else scales the target: it keeps its replicas whatever the load; set mode to Scale"
        return Condition(ACTING, status=False, reason=Reason.NO_OTHER_SCALER, message=text)
    if mode is Mode.OBSERVE:
        text = "mode is Observe: decisions are reported and not carried out"
        return Condition(ACTING, status=False, reason=Reason.MODE_OBSERVE, message=text)
    if not acts:
        text = "the setting acts is false: decisions are reported and nothing is changed in the cluster"
        return Condition(ACTING, status=False, reason=Reason.ACTS_DISABLED, message=text)
    if mode is Mode.HPA_FLOOR:
        text = "minReplicas of the HPA may be raised and given back"
        return Condition(ACTING, status=True, reason=Reason.MODE_HPA_FLOOR, message=text)
    return Condition(ACTING, status=True, reason=Reason.MODE_SCALE, message="what is decided may be carried out")


def placed_of(report: Report) -> Condition | None:
    """Return whether the pods of a target have nodes; None where nobody can say which its pods are."""
    observation = report.seen.observation
    return full_cluster.condition(observation.pods) if observation and observation.selector_fault is None else None


def series(report: Report, now_s: float) -> dict[Series, float]:
    """Return the series of an object; what this pass does not know has none."""
    key, observation, decision = report.seen.served.key, report.seen.observation, report.decision
    labels = (key.namespace, key.name)
    values: dict[Series, float] = {}
    values[telemetry.CONTESTED, labels] = report.brake.reason in _CONTESTED
    if report.lead_s is not None:
        values[telemetry.LEAD_TIME, labels] = report.lead_s
    if observation is None or decision is None:
        return values
    if observation.selector_fault is None:
        values[telemetry.UNSCHEDULABLE_PODS, labels] = len(full_cluster.unplaced(observation.pods))
    values[telemetry.CURRENT_REPLICAS, labels] = observation.spec_replicas
    values[telemetry.DESIRED_REPLICAS, labels] = decision.desired
    for schedule, active in schedule_status.active(decision.timetable).items():
        values[telemetry.SCHEDULE_ACTIVE, (*labels, schedule)] = active
    names = metric_names(report.seen.served.autoscaler.spec.metrics)
    values |= _weighed_series(labels, names, decision)
    for name, reading in zip(names, observation.readings, strict=False):
        if (load := load_of(reading)) is not None:
            values[telemetry.METRIC_LOAD, (*labels, name)] = load
    for name, forecast in zip(names, observation.forecasts, strict=False):
        if forecast:
            values |= _forecast_series((*labels, name), forecast, now_s)
    return values


def load_of(reading: MetricReading) -> float | None:
    """Return the whole load of a reading in the metric's own unit; None when it must not be used."""
    if reading.error is not None:
        return None
    if reading.total_milli is not None:
        return reading.total_milli / 1000
    return sum(reading.pods_milli.values()) / 1000 if reading.pods_milli is not None else None


def quantity(milli: int) -> str:
    """Return milli-units as a Kubernetes Quantity: `1500m`, `2`."""
    return str(milli // 1000) if milli % 1000 == 0 else f"{milli}m"


def _weighed_series(labels: tuple[str, str], names: Sequence[str], decision: Decision) -> dict[Series, float]:
    """Return what was weighed, by source, and what limited it."""
    sources = {source.value: replicas for source, replicas in decision.candidates.items()}
    asked = zip(names, decision.metrics, strict=False)
    sources |= {f"metric:{name}": one.proposal for name, one in asked if one.proposal is not None}
    values: dict[Series, float] = {(telemetry.CANDIDATE_REPLICAS, (*labels, name)): count for name, count in sources.items()}
    return values | {(telemetry.DECISION_LIMITS, (*labels, one.name)): 1.0 for one in decision.limits if not one.asked}


def _forecast_series(labels: tuple[str, ...], forecast: Forecast, now_s: float) -> dict[Series, float]:
    values: dict[Series, float] = {
        (telemetry.FORECAST_OPEN, labels): forecast.gate is GateState.OPEN and now_s < forecast.expires_s,
        (telemetry.FORECAST_AGE, labels): max(0.0, now_s - forecast.issued_s),
    }
    if forecast.gate is not GateState.LEARNING and math.isfinite(forecast.peak):
        values[telemetry.FORECAST_PEAK, labels] = forecast.peak
    measured = {
        telemetry.FORECAST_LOST: forecast.lost_ratio,
        telemetry.FORECAST_PODS: forecast.pods_ratio,
        telemetry.FORECAST_COVERAGE: forecast.coverage_ratio,
    }
    return values | {(gauge, labels): ratio for gauge, ratio in measured.items() if ratio is not None}


def _conditions(report: Report) -> tuple[Condition, ...]:
    valid = Condition(VALID, status=True, reason=Reason.VALID, message="the spec can be used")
    if missing := report.seen.missing:  # whether load can be read is not known, and stays as it was said
        return (Condition(ABLE, status=False, reason=Reason.FAILED_GET_SCALE, message=missing.message), report.brake, valid)
    placed = placed_of(report)
    decided = (*(report.decision.conditions if report.decision else ()), *((placed,) if placed else ()))
    able = _able(report)
    written = report.decision.once_written if report.decision and report.outcome.result is Result.DONE else ()
    # A write that fails comes after the scale was read, which is worth a transition each time, as with the HPA.
    replaced = able is not None and report.outcome.result is not Result.FAILED
    kept = tuple(one for one in decided if not replaced or one.type != ABLE)
    return (*kept, *((able,) if able else ()), *written, report.brake, valid)


def _forgotten(report: Report, before: Json) -> tuple[Condition, ...]:
    """Return conditions that decisions are remembered by, and that a write that failed, or a hand, kept out of the status."""
    remembered = report.decision.remembered if report.decision else ()
    return tuple(one for one in remembered if status.find(before, one.type).get("status") != "True")


def _able(report: Report) -> Condition | None:
    """Return what acting says about AbleToScale; None leaves it to the decision."""
    outcome, decision = report.outcome, report.decision
    if outcome.reason is Reason.TARGET_CONFLICT:
        return Condition(ABLE, status=False, reason=Reason.TARGET_CONFLICT, message=outcome.message)
    if outcome.result is Result.FAILED:
        return Condition(ABLE, status=False, reason=Reason.FAILED_UPDATE_SCALE, message=outcome.message)
    if outcome.result is Result.DONE and decision:
        text = f"the target was scaled from {decision.current} to {decision.desired} replicas"
        return Condition(ABLE, status=True, reason=Reason.SUCCEEDED_RESCALE, message=text)
    return None


def _events(report: Report, before: Json, now_s: float) -> Json:
    """Return the changes that rate limits look back to, with the one that was made."""
    decision, behavior = report.decision, report.seen.served.autoscaler.spec.behavior
    change = decision.desired - decision.current if decision else 0
    return {scale_past.FIELD: scale_past.after_change(before, change, behavior, now_s)}


def _kept(before: Json, names: Sequence[str]) -> Json:
    return {name: before[name] for name in names if name in before}


def _metric(name: str, one: MetricStatus) -> Json:
    current: Json = {}
    if one.average_utilization is not None:
        current["averageUtilization"] = one.average_utilization
    if one.average_value_milli is not None:
        current["averageValue"] = quantity(one.average_value_milli)
    if one.value_milli is not None:
        current["value"] = quantity(one.value_milli)
    row: Json = {"name": name, "type": one.spec.type.value, "target": _target(one.spec), "current": current}
    optional = {"proposal": one.proposal, "predicted": one.predicted, "error": one.error, "active": one.active}
    return row | {key: value for key, value in optional.items() if value is not None}


def _target(spec: MetricSpec) -> Json:
    target = target_of(spec)
    if target is None:
        return {}
    if target.average_utilization is not None:
        return {"averageUtilization": target.average_utilization}
    return {"value": str(target.value)} if target.value is not None else {"averageValue": str(target.average_value)}


def _forecast(names: Sequence[str], decision: Decision, forecasts: Sequence[Forecast | None]) -> Json | None:
    """Return the forecast that counts most: the one that asks for most replicas, else the first there is."""
    known = [
        (one.predicted or 0, -index, name, forecast)
        for index, (name, one, forecast) in enumerate(zip(names, decision.metrics, forecasts, strict=False))
        if forecast is not None
    ]
    if not known:
        return None
    _, _, name, forecast = max(known, key=lambda item: item[:2])
    row: Json = {
        "metric": name,
        "gate": forecast.gate.value,
        "reason": forecast.reason.value,
        "message": forecast.message,
        "leadSeconds": round(forecast.lead_s),
        "model": forecast.model,
        "issuedAt": status.timestamp(forecast.issued_s),
    }
    ratios = {
        "peak": None if forecast.gate is GateState.LEARNING else _rounded(forecast.peak),
        "lostRatio": _percent(forecast.lost_ratio),
        "podsRatio": _percent(forecast.pods_ratio),
        "coverageRatio": _percent(forecast.coverage_ratio),
    }
    if forecast_asks := decision.candidates.get(Source.PREDICTED):
        ratios["replicas"] = forecast_asks
    return row | {key: value for key, value in ratios.items() if value is not None}


def _rounded(value: float | None) -> float | None:
    """Return four significant digits: more would make every pass a write."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.4g}")


def _percent(ratio: float | None) -> float | None:
    """Return whole per cents of a ratio that moves slowly."""
    return None if ratio is None or not math.isfinite(ratio) else round(ratio, 2)
