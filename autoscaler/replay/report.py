"""A replay as a file for others: HTML that is whole in itself, a picture, or JSON."""

import base64
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

from autoscaler.replay import figures
from autoscaler.replay.play import Replayed
from autoscaler.replay.recorded import Unusable

SUFFIXES = (".html", ".png", ".json")

_STYLE = """
:root{color-scheme:light}body{margin:0;background:#f6f7f9;color:#23272d;font:16px/1.55 system-ui,sans-serif}
main{max-width:72rem;margin:0 auto;padding:2rem 1rem}h1{font-size:1.5rem;margin:0 0 .2rem}
p.when{color:#5b636d;margin:0 0 1.2rem}
section{background:#fff;border:1px solid #e3e6ea;border-radius:10px;padding:1rem 1.2rem;margin:1rem 0;overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;width:100%}th,td{padding:.45rem .8rem;text-align:right}
th:first-child,td:first-child{text-align:left}thead th{border-bottom:2px solid #d5d9de;font-weight:600}
tbody tr+tr td{border-top:1px solid #eceef1}td.ours{font-weight:600;color:#0b6fb8}img{display:block;width:100%;height:auto}
ul{margin:.3rem 0 0;padding-left:1.2rem;color:#444b54}
"""
_HOW_TO_READ = """
Both scalers were played over the same load, with the same target and the same pods: one is the Horizontal Pod Autoscaler, the
other Foresail, which decides as the HPA does and adds pods where a forecast has earned it on this very load{earned}. <b>Load
lost</b> is the share of all load, in basis points (hundredths of a percent), that was beyond what the serving pods could
take; <b>pod-hours</b> are what was asked for and would be paid. The <b>clairvoyant minimum</b> knows the future: nobody can
serve everything with less. In the picture grey is the load, counted in pods that it keeps busy; blue and orange are the pods
that served; where the load is above a curve, that scaler was overloaded. The light blue band is what was expected when there
was still time to start a pod. What is before the stretch that is shown only trained the forecasts; its first hour is not
scored. Foresail changes the number of pods more often than the HPA on most loads (<b>scale events</b>): it follows what is
expected of the next minute, up and down.
"""
_EARNED = "; with the policy <i>earned</i> a forecast that lost clearly less than the HPA may decide alone, with fewer pods"


def check(path: Path, allowed: Sequence[str] = SUFFIXES) -> None:
    """Raise Unusable when a report of that name cannot be made."""
    if path.suffix.lower() not in allowed:
        names = f"{', '.join(allowed[:-1])} or {allowed[-1]}"
        raise Unusable(f"--report {path}: its name must end in {names}, which says what it is")


def made(path: Path, replayed: Replayed) -> bytes:
    """Return the content of a report of that name."""
    suffix = path.suffix.lower()
    if suffix == ".json":
        return json_bytes(figures.as_json(replayed))
    from autoscaler.replay import picture  # noqa: PLC0415 - matplotlib takes a second to load

    drawn = picture.png(replayed)
    return drawn if suffix == ".png" else _html(replayed, drawn).encode()


def json_bytes(content: object) -> bytes:
    """Return content as JSON for people and programs."""
    return f"{json.dumps(content, indent=2, allow_nan=False)}\n".encode()


def page(title: str, when: str, sections: Sequence[str]) -> str:
    """Return a page that needs nothing from elsewhere; `title` and `when` are text, sections are HTML."""
    body = "".join(f"<section>{one}</section>" for one in sections)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f'<body><main><h1>{escape(title)}</h1><p class="when">{escape(when)}</p>{body}</main></body></html>\n'
    )


def html_table(head: Sequence[str], rows: Sequence[Sequence[str]], ours: int) -> str:
    """Return an HTML table of text; the column `ours` stands out."""
    top = "".join(f"<th>{escape(one)}</th>" for one in head)
    body = "".join(
        "<tr>"
        + "".join(f"<td{' class=ours' if at == ours else ''}>{escape(cell)}</td>" for at, cell in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _html(replayed: Replayed, drawn: bytes) -> str:
    name, _, when = figures.heading(replayed).rpartition(": ")
    lines = [figures.HEAD, *figures.table(replayed)]
    cells = [(one.name, one.foresail, one.hpa, one.minimum, one.ratio) for one in lines]
    ours, hpa = replayed.scores.foresail, replayed.scores.hpa
    told = (
        f"Load lost: {ours.lost_bp:.2f} basis points with Foresail, {hpa.lost_bp:.2f} with the HPA; "
        f"{ours.pod_hours:,.0f} and {hpa.pod_hours:,.0f} pod-hours."
    )
    how = _HOW_TO_READ.format(earned=_EARNED if replayed.setting.earned else "")
    image = base64.b64encode(drawn).decode()
    notes = "".join(f"<li>{escape(one)}</li>" for one in figures.remarks(replayed))
    return page(
        f"Foresail replay of {name}",
        when,
        (
            html_table(cells[0], cells[1:], 1),
            f'<img alt="{escape(told)}" src="data:image/png;base64,{image}">',
            f"<p><b>How to read this.</b> {how}</p><ul>{notes}</ul>",
        ),
    )
