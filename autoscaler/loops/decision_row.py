"""A decision as JSON: the same in the object's status, in the JSON API and for the command `explain`. Pure.

It holds what was seen (pods, metrics with source and age), what was asked for (candidates, proposals), what limited it, what
was decided and what came of it. Two decisions are the same outcome when nothing differs but times, ages, readings and the
sentences that repeat readings: `mark` is what counts. The status keeps the first of a row of equal outcomes, so that a pass
that decides the same writes nothing.
"""

import json
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from autoscaler.clients.ports import Json
from autoscaler.loops import status
from autoscaler.loops.labels import metric_names
from autoscaler.loops.scale_status import Report, Result
from autoscaler.scaling.inputs import ForecastInput, Inputs, MetricInput
from autoscaler.scaling.types import Decision, Limit, MetricStatus

DECISION, LAST_CHANGE = "decision", "lastChange"  # their fields of the status
_MARKS = ("action", "current", "desired", "reason", "result", "resultReason", "candidates", "floor")
_MARKS_OF_A_LIMIT = ("name", "before", "after")
_MARKS_OF_A_METRIC = ("name", "proposal", "predicted")


def of_report(report: Report, decision: Decision, now_s: float) -> Json:
    """Return a decision with what came of it; what is not known is left out."""
    names = metric_names(report.seen.served.autoscaler.spec.metrics)
    floor = report.floor_act
    outcome = floor.outcome if floor else report.outcome
    told = outcome.message if floor or outcome.result in {Result.BLOCKED, Result.CONFLICT, Result.FAILED} else ""
    return {
        "at": status.timestamp(now_s),
        "action": decision.action.value,
        "current": decision.current,
        "desired": decision.desired,
        "reason": decision.reason.value,
        "message": decision.message,
        "result": outcome.result.value,
        **_known(resultReason=outcome.reason.value if outcome.reason else None, resultMessage=told or None),
        **_known(floor={"before": floor.before, "after": floor.after} if floor else None),
        "candidates": {source.value: replicas for source, replicas in decision.candidates.items()},
        "limits": [_limit(one) for one in decision.limits],
        "metrics": _metrics(names, decision.metrics, decision.inputs),
        "pods": _pods(decision.inputs),
    }


def mark(row: object) -> str:
    """Return what makes an outcome another one than the last; any JSON has one, as it may come from a status.

    Not in it: times, ages, readings, counts of pods, and sentences, which repeat them.
    """
    known = row if isinstance(row, dict) else {}
    limits = [[one.get(key) for key in _MARKS_OF_A_LIMIT] for one in _rows(known.get("limits"))]
    metrics = [
        [*(one.get(key) for key in _MARKS_OF_A_METRIC), "error" in one, _gate(one.get("forecast"))]
        for one in _rows(known.get("metrics"))
    ]
    return json.dumps([[known.get(key) for key in _MARKS], limits, metrics], sort_keys=True)


def keep(before: Json, after: Json, row: Json) -> Json:
    """Return a status with a decision: the one that it had, where this one is the same outcome, so that `at` is the first."""
    old = before.get(DECISION)
    kept = {DECISION: old if isinstance(old, dict) and mark(old) == mark(row) else row}
    return after | kept | ({LAST_CHANGE: row} if row["result"] == Result.DONE.value else {})


def log_values(row: Json) -> Json:
    """Return what a log line tells of a decision beside its counts: candidates, limits as `name:before>after`, ages."""
    ages = {one["name"]: one["ageSeconds"] for one in row["metrics"] if "ageSeconds" in one}
    limits = [f"{'+' if 'asked' in one else ''}{one['name']}:{one['before']}>{one['after']}" for one in row["limits"]]
    return {"candidates": row["candidates"], "limits": limits, "ages_s": ages}


def event_suffix(row: Json) -> str:
    """Return what limited a decision in half a sentence for an Event; empty where nothing did."""
    held = [f"{one['name']} ({one['before']} to {one['after']})" for one in row["limits"] if "asked" not in one]
    return f" Limited by {', '.join(held)}." if held else ""


def _metrics(names: tuple[str, ...], statuses: tuple[MetricStatus, ...], inputs: Inputs) -> list[Json]:
    rows = zip_longest(names, statuses[: len(names)], inputs.metrics[: len(names)])
    return [{"name": name, **_proposal(one), **_input(seen)} for name, one, seen in rows]


def _proposal(one: MetricStatus | None) -> Json:
    return {} if one is None else _known(proposal=one.proposal, predicted=one.predicted, error=one.error)


def _input(seen: MetricInput | None) -> Json:
    if seen is None:
        return {}
    pods = seen.pods
    counts = None
    if pods is not None:
        counts = {"counted": pods.counted, "unready": pods.unready, "missing": pods.missing, "ignored": pods.ignored}
    return _known(
        source=seen.source,
        ageSeconds=None if seen.age_s is None else round(seen.age_s),
        reading=seen.stands or None,
        podsWithValue=seen.with_value,
        podsWithoutValue=seen.without_value,
        pods=counts,
        forecast=None if seen.forecast is None else _forecast(seen.forecast),
    )


def _forecast(one: ForecastInput) -> Json:
    return {"gate": one.gate.value, "ageSeconds": round(one.age_s), "leadSeconds": round(one.lead_s)}


def _pods(inputs: Inputs) -> Json:
    pods = inputs.pods
    return {"ready": pods.ready, "unready": pods.unready, "pending": pods.pending, "ignored": pods.ignored}


def _limit(one: Limit) -> Json:
    row: Json = {"name": one.name, "before": one.before, "after": one.after}
    return row | {"reason": one.reason.value, "message": one.message} | ({"asked": True} if one.asked else {})


def _known(**values: Any) -> Json:  # noqa: ANN401 - JSON
    return {key: value for key, value in values.items() if value is not None}


def _rows(value: object) -> Iterator[Json]:
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())


def _gate(forecast: object) -> object:
    return forecast.get("gate") if isinstance(forecast, dict) else None
