"""A decision as lines of text, in the order in which things happened: seen, asked, limited, decided, done. Pure.

What it is made from is JSON of a status or of the service, which may be of another version: what is not there is left out.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

Row = Mapping[str, Any]

_INDENT = " " * 11
_RESULTS = {
    "done": "done: the replicas of the target were set",
    "held": "held: nothing was to be done",
    "conflict": "left to the next pass",
    "failed": "failed",
    "blocked": "not carried out",
    "left": "left to the HPA",
}
_DONE_BY_FLOOR = "done: minReplicas of the HPA was set"


def heading(obj: Row) -> str:
    """Return what an object is and what it is told to do."""
    meta, spec = _part(obj, "metadata"), _part(obj, "spec")
    target = _part(spec, "scaleTargetRef")
    bounds = f", {spec.get('minReplicas', 1)} to {spec['maxReplicas']} replicas" if "maxReplicas" in spec else ""
    what = f"PredictiveAutoscaler {meta.get('namespace')}/{meta.get('name')}"
    return f"{what}: {target.get('kind')}/{target.get('name')}, mode {spec.get('mode')}{bounds}"


def explanation(row: Row, now_s: float) -> list[str]:
    """Return one decision as lines."""
    return [
        f"{_when(row, now_s)}: {_move(row)} ({row.get('reason')})",
        *_labelled("seen", _seen(row)),
        *_labelled("asked", _asked(row)),
        *_labelled("then", map(_step, _rows(row, "limits"))),
        *_labelled("decided", [f"{_count(row.get('desired'))}  {row.get('message')}"]),
        *_labelled("result", [_result(row)]),
    ]


def without_decision(obj: Row) -> list[str]:
    """Return what the conditions say of an object about which nothing is decided."""
    told = [one for one in _rows(_part(obj, "status"), "conditions") if one.get("status") == "False"]
    return [f"{one.get('type')} is False ({one.get('reason')}): {one.get('message')}" for one in told]


def age(seconds: float) -> str:
    """Return a time in words, such as `35 s` or `2 h`."""
    whole = max(0, round(seconds))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if whole >= 2 * size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def _when(row: Row, now_s: float) -> str:
    first = f"{row.get('at')}, {_ago(row.get('at'), now_s)}"
    if int(row.get("passes", 1)) > 1:
        return f"{first}, and {row['passes'] - 1} times since, last {_ago(row.get('lastAt'), now_s)}"
    return first


def _ago(at: object, now_s: float) -> str:
    try:
        return f"{age(now_s - datetime.fromisoformat(str(at)).timestamp())} ago"
    except ValueError:
        return "at an unknown time"


def _move(row: Row) -> str:
    current, desired = row.get("current"), row.get("desired")
    match row.get("action"):
        case "scale_up":
            return f"scale up from {current} to {desired}"
        case "scale_down":
            return f"scale down from {current} to {desired}"
        case _:
            return f"stay at {desired}"


def _seen(row: Row) -> Iterator[str]:
    pods = _part(row, "pods")
    told = [f"{count} {name}" for name, count in pods.items() if count]
    yield f"pods: {', '.join(told) or 'none'}"
    for one in _rows(row, "metrics"):
        facts = [str(one["reading"])] if "reading" in one else [f"cannot be used: {one['error']}"] if "error" in one else []
        facts += _origin(one)
        yield f"{one.get('name')}: {'; '.join(facts) or 'was not looked at'}"


def _origin(one: Row) -> Iterator[str]:
    """Yield where a load comes from, how old it is, and for which pods it is known."""
    if "source" in one:
        yield f"{one['source']}, {one['ageSeconds']} s old" if "ageSeconds" in one else str(one["source"])
    pods = _part(one, "pods")
    left_out = [f"{pods[name]} {name}" for name in ("unready", "missing", "ignored") if pods.get(name)]
    if pods:
        yield f"{pods.get('counted')} of {sum(pods.values())} pods count" + (f" ({', '.join(left_out)})" if left_out else "")
    elif "podsWithValue" in one:
        yield f"{one['podsWithValue']} of {one['podsWithValue'] + one.get('podsWithoutValue', 0)} pods have a value"


def _asked(row: Row) -> Iterator[str]:
    for one in _rows(row, "metrics"):
        if "proposal" in one:
            yield f"{_count(one['proposal'])}  by {one.get('name')}"
        forecast = _part(one, "forecast")
        if "predicted" in one:
            ahead = f", made {forecast['ageSeconds']} s ago for {forecast['leadSeconds']} s ahead" if forecast else ""
            yield f"{_count(one['predicted'])}  by the forecast of {one.get('name')}{ahead}"
        elif forecast:
            yield f"  -  by the forecast of {one.get('name')}: it may not act, its gate is {forecast.get('gate')}"
    weighed = _part(row, "candidates")
    if weighed:
        yield f"weighed: {', '.join(f'{name} {count}' for name, count in sorted(weighed.items()))}"


def _step(limit: Row) -> str:
    change = f"{_count(limit.get('before'))} -> {limit.get('after')}"
    verb = "asked for by" if limit.get("asked") else "limited by"
    return f"{change}  {verb} {limit.get('name')}: {limit.get('message')}"


def _count(value: object) -> str:
    return str(value).rjust(3)


def _result(row: Row) -> str:
    result = _RESULTS.get(str(row.get("result")), str(row.get("result")))
    if row.get("result") == "done" and _part(row, "floor"):
        result = _DONE_BY_FLOOR
    reason, message = row.get("resultReason"), row.get("resultMessage")
    if message:
        return f"{result}{f' ({reason})' if reason else ''}: {message}"
    return result


def _labelled(label: str, lines: Iterable[str]) -> Iterator[str]:
    head = f"  {label}".ljust(len(_INDENT))
    for line in lines:
        yield f"{head}{line}"
        head = _INDENT


def _part(row: Row, name: str) -> Row:
    part = row.get(name)
    return part if isinstance(part, dict) else {}


def _rows(row: Row, name: str) -> list[Row]:
    rows = row.get(name)
    return [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []
