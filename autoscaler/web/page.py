"""The status page: what is scaled and healed, what is expected, what was done last and why. One HTML document, no assets.

Rendered on the server from the board; everything that comes from the cluster is escaped. It works without scripts and loads
itself again by a header of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from importlib.resources import files

from autoscaler.board import Board, LoopHealth, Row
from autoscaler.model import ObjectKey
from autoscaler.web.chart import curve_chart, replicas_chart

REFRESH_S = 5
SHOWN_ACTS = 30
_GATES = {"Open": "good", "Learning": "idle", "Shut": "ahead"}


@dataclass(frozen=True, slots=True)
class Moment:
    """What the page says beside the board."""

    now_s: float
    leads: bool
    waiting: Sequence[str]  # caches that are not filled yet
    forecasts: Mapping[ObjectKey, Sequence[Row]] = field(default_factory=dict)  # with curves, a row for each metric


def render(board: Board, moment: Moment) -> str:
    """Return the whole page."""
    style = files("autoscaler.web").joinpath("style.css").read_text(encoding="utf-8")
    body = "".join(
        (
            _header(board, moment),
            "<main>",
            _section("Autoscaled workloads", _autoscalers(board, moment)),
            _section("Healing", _policies(board)),
            _section("What was done last", _acts(board)),
            _footer(board, moment),
            "</main>",
        )
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Foresail</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head>'
        f"<body>{body}</body></html>"
    )


def _header(board: Board, moment: Moment) -> str:
    badges = [_badge("leads", "good") if moment.leads else _badge("stands by: another replica leads", "idle")]
    badges.append(_badge("acts", "good") if board.acts_enabled else _badge("acts is off: nothing is changed", "ahead"))
    if moment.waiting:
        badges.append(_badge("waits for " + ", ".join(moment.waiting), "bad"))
    return (
        f'<header><h1>Foresail</h1><span class="quiet">{escape(board.version)}, up for '
        f"{_span(moment.now_s - board.started_s)}</span>{''.join(badges)}</header>"
    )


def _autoscalers(board: Board, moment: Moment) -> str:
    if not board.autoscalers:
        return "<p>No PredictiveAutoscaler is served here. See <code>kubectl get predictiveautoscalers -A</code>.</p>"
    rows = (
        _autoscaler(key, row, board.decisions.get(key, ()), moment.forecasts.get(key, ()))
        for key, row in sorted(board.autoscalers.items())
    )
    return _table(("Object", "Replicas", "Lately", "Next hours", "Load", "Forecast", "Why"), rows)


def _autoscaler(key: ObjectKey, row: Row, decisions: Iterable[Row], forecasts: Sequence[Row]) -> str:
    status, problems = row["status"], _problems(row["status"])
    link = f"api/v1/autoscalers/{escape(key.namespace)}/{escape(key.name)}/decisions"
    name = (
        f'<th scope="row"><a href="{link}">{escape(str(key))}</a><br><span class="quiet">{escape(row["target"])} '
        f"{escape(row['mode'])}</span></th>"
    )
    why = "".join(f'<p class="bad">{escape(text)}</p>' for text in problems) or escape(row["message"])
    why += _limits(status)
    lately, ahead = replicas_chart(list(decisions)), _curve(key, status, forecasts)
    cells = (_replicas(row, status), lately, ahead, _loads(status), _forecast(status.get("forecast")))
    return f'<tr>{name}{"".join(f"<td>{cell}</td>" for cell in cells)}<td class="why">{why}</td></tr>'


def _limits(status: Row) -> str:
    """Return what the last decision was limited by, from which count to which."""
    limits = [one for one in status.get("decision", {}).get("limits", ()) if not one.get("asked")]
    told = "; ".join(f"{one['name']} ({one['before']} → {one['after']})" for one in limits)
    return f'<br><span class="quiet">limited by {escape(told)}</span>' if told else ""


def _replicas(row: Row, status: Row) -> str:
    current, desired = status.get("currentReplicas"), status.get("desiredReplicas")
    if current is None:
        return '<span class="quiet">not known</span>'
    change = "" if desired in (None, current) else f' <span class="ahead">→ {desired}</span>'
    most = max(1, int(row.get("max", 1)))
    filled = min(100, round(100 * int(current) / most))
    return (
        f'<span class="count">{current}</span>{change}<div class="meter"><i style="width:{filled}%"></i></div>'
        f'<span class="quiet">{row.get("min", "")} to {row.get("max", "")}</span>'
    )


def _loads(status: Row) -> str:
    lines = []
    for metric in status.get("metrics", ()):
        current, target = _value(metric.get("current", {})), _value(metric.get("target", {}))
        text = f"{escape(metric['name'])}: {escape(current)} of {escape(target)}"
        lines.append(f'<li class="bad">{text}</li>' if metric.get("error") else f"<li>{text}</li>")
    return f'<ul class="plain">{"".join(lines)}</ul>'


def _curve(key: ObjectKey, status: Row, forecasts: Sequence[Row]) -> str:
    """Return the curve of the metric whose forecast is told beside it, else of the first that has one, as a link to figures."""
    drawn = [one for one in forecasts if one["curve"]]
    if not drawn:
        return ""
    told = status.get("forecast", {}).get("metric")
    chart = curve_chart(next((one for one in drawn if one["metric"] == told), drawn[0]))
    return f'<a href="api/v1/forecast/{escape(key.namespace)}/{escape(key.name)}">{chart}</a>'


def _forecast(forecast: Row | None) -> str:
    if not forecast:
        return '<span class="quiet">none</span>'
    badge = _badge(forecast["gate"], _GATES.get(forecast["gate"], "idle"))
    facts = []
    if "peak" in forecast:
        facts.append(f"peak {forecast['peak']:g} within {forecast['leadSeconds']} s")
    if "lostRatio" in forecast:
        facts.append(f"would lose {forecast['lostRatio']:g}x at {forecast['podsRatio']:g}x the pods of the HPA's formula")
    facts.append(forecast["message"])
    return f'{badge}<br><span class="quiet">{escape("; ".join(facts))}</span>'


def _policies(board: Board) -> str:
    if not board.policies:
        return "<p>No HealingPolicy is served here. See <code>kubectl get healingpolicies -A</code>.</p>"
    rows = (_policy(key, row) for key, row in sorted(board.policies.items()))
    return _table(("Policy", "Ready", "With a fault", "Pods", "Summary"), rows)


def _policy(key: ObjectKey, row: Row) -> str:
    status = row["status"]
    pods = "".join(f"<li><b>{escape(pod['name'])}</b> {escape(pod['verb'])}: {escape(pod['why'])}</li>" for pod in row["pods"])
    bad = status.get("unhealthyPods", 0)
    count = f'<span class="count {"bad" if bad else ""}">{bad}</span>'
    name = f'<th scope="row">{escape(str(key))}<br><span class="quiet">{escape(row["mode"])}</span></th>'
    summary = "".join(f'<p class="bad">{escape(text)}</p>' for text in _problems(status)) or escape(row["message"])
    healthy = f'<span class="count">{status.get("healthyPods", 0)}</span>'
    cells = (healthy, count, f'<ul class="plain">{pods}</ul>', summary)
    return f"<tr>{name}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _acts(board: Board) -> str:
    if not board.acts:
        return "<p>Nothing yet since this process started.</p>"
    rows = []
    for act in list(board.acts)[::-1][:SHOWN_ACTS]:
        change = f"{act['before']} → {act['after']}" if "before" in act else act.get("pod", "")
        cells = (act["at"], act["act"], f"{act['namespace']}/{act['name']}", str(change), act["result"])
        body = "".join(f"<td>{escape(str(cell))}</td>" for cell in cells)
        rows.append(f'<tr>{body}<td class="why">{escape(act.get("why", ""))}</td></tr>')
    return _table(("When", "What", "Object", "Change", "Result", "Why"), rows)


def _footer(board: Board, moment: Moment) -> str:
    loops = " · ".join(_loop(name, health, moment.now_s) for name, health in sorted(board.loops.items()))
    links = '<a href="api/v1/status">JSON</a> · <a href="metrics">metrics</a>'
    return f'<footer class="quiet"><p>{loops}</p><p>{links} · {_clock(moment.now_s)}</p></footer>'


def _loop(name: str, health: LoopHealth, now_s: float) -> str:
    if health.error:
        return f'<span class="bad">loop {escape(name)} fails: {escape(health.error)}</span>'
    if health.last_success_s is None:
        return f"loop {escape(name)} has not run yet"
    return f"loop {escape(name)} ran {_span(now_s - health.last_success_s)} ago"


def _problems(status: Row) -> list[str]:
    """Return what is wrong with an object; the conditions that are False but say nothing wrong are left out."""
    conditions = {one["type"]: one for one in status.get("conditions", ())}
    found = [conditions[kind] for kind in ("Valid", "AbleToScale", "ScalingActive") if kind in conditions]
    return list(dict.fromkeys(f"{one['reason']}: {one['message']}" for one in found if one["status"] == "False"))


def _value(amount: Mapping[str, object]) -> str:
    if "averageUtilization" in amount:
        return f"{amount['averageUtilization']} %"
    return str(amount.get("averageValue", "?"))


def _section(title: str, content: str) -> str:
    return f'<section><h2>{escape(title)}</h2><div class="card">{content}</div></section>'


def _table(heads: Sequence[str], rows: Iterable[str]) -> str:
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _badge(text: str, kind: str) -> str:
    return f'<span class="badge {kind}">{escape(text)}</span>'


def _span(seconds: float) -> str:
    whole = max(0, round(seconds))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if whole >= 2 * size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def _clock(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
