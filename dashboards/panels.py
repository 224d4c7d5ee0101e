"""Panels as our boards use them: time series, single values and tables, all with one look and the board's data source.

grafanalib makes the JSON; here are the few defaults that make it fit for a present-day Grafana, and the flow of panels over the
grid. What grafanalib writes too much is taken away in `finish`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from string import ascii_uppercase
from typing import Any

from grafanalib import core

Json = dict[str, Any]

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
GRID_WIDTH = 24  # Grafana's own


class Shape(Enum):
    """What a query is asked for."""

    OVER_TIME = auto()
    NOW = auto()  # one value of each series
    ROWS = auto()  # likewise, as rows of a table


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression and how its series are called, such as `{{pod}}`."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel before it has a place: `body` is grafanalib's object, sizes are in units of the grid."""

    body: Any
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Look:
    """What a panel may have beyond its queries; `unit` is one of Grafana's."""

    unit: str = "short"
    decimals: int | None = None
    stack: bool = False
    bars: bool = False
    width: int = 12
    height: int = 8
    overrides: tuple[Json, ...] = ()
    mappings: tuple[Json, ...] = ()


LINES = Look()


def graph(title: str, text: str, queries: Sequence[Query], look: Look = LINES) -> Panel:
    """Return values over time, as lines or, for what happens now and then, as bars."""
    body = core.TimeSeries(
        title=title,
        description=text,
        dataSource=DATASOURCE,
        targets=_targets(queries, Shape.OVER_TIME),
        maxDataPoints=None,
        unit=look.unit,
        valueDecimals=look.decimals,
        valueMin=0,
        drawStyle="bars" if look.bars else "line",
        fillOpacity=60 if look.bars else 20 if look.stack else 5,
        showPoints="never",
        stacking={"mode": "normal" if look.stack else "none", "group": "A"},
        tooltipMode="multi",
        overrides=list(look.overrides),
    )
    return Panel(body, look.width, look.height)


def value(title: str, text: str, query: Query, look: Look) -> Panel:
    """Return the newest value of one series, as a number or by a word."""
    body = core.Stat(
        title=title,
        description=text,
        dataSource=DATASOURCE,
        targets=_targets([query], Shape.NOW),
        maxDataPoints=None,
        format=look.unit,
        decimals=look.decimals,
        mappings=list(look.mappings),
        graphMode="none",
        noValue="-",
        reduceCalc="lastNotNull",
        thresholds=[{"color": "text", "value": None}],
    )
    return Panel(body, look.width, look.height)


def table(title: str, text: str, queries: Sequence[Query], look: Look = LINES) -> Panel:
    """Return the newest values side by side: a row for each set of labels, a column called by each query's legend."""
    columns = {f"Value #{letter}": query.legend for letter, query in zip(ascii_uppercase, queries, strict=False)}
    body = core.Table(
        title=title,
        description=text,
        dataSource=DATASOURCE,
        targets=_targets(queries, Shape.ROWS),
        maxDataPoints=None,
        overrides=list(look.overrides),
        unit=look.unit,
        transformations=[
            {"id": "merge", "options": {}},
            {"id": "organize", "options": {"excludeByName": {"Time": True}, "renameByName": columns}},
        ],
    )
    return Panel(body, look.width, look.height)


def row(title: str) -> Panel:
    """Return a heading over the panels that follow."""
    return Panel(core.RowPanel(title=title), GRID_WIDTH, 1)


def unstacked(legend: str) -> Json:
    """Return the override that draws one series of a stack as a plain dashed line."""
    return by_name(
        legend,
        {
            "custom.stacking": {"mode": "none", "group": "B"},
            "custom.fillOpacity": 0,
            "custom.lineStyle": {"fill": "dash", "dash": [8, 8]},
        },
    )


def by_name(legend: str, properties: Mapping[str, object]) -> Json:
    """Return an override for the series or column of one name."""
    listed = [{"id": name, "value": value} for name, value in properties.items()]
    return {"matcher": {"id": "byName", "options": legend}, "properties": listed}


def words(*pairs: tuple[float, str, str]) -> tuple[Json, ...]:
    """Return the mapping of values to a word and a colour."""
    options = {f"{number:g}": {"text": text, "color": colour, "index": at} for at, (number, text, colour) in enumerate(pairs)}
    return ({"type": "value", "options": options},)


def placed(panels: Iterable[Panel]) -> list[Any]:
    """Return the panels with a place each, from left to right, in lines, and numbered from 1."""
    left = top = line_height = 0
    bodies = []
    for number, panel in enumerate(panels, start=1):
        if left + panel.width > GRID_WIDTH:
            left, top, line_height = 0, top + line_height, 0
        panel.body.gridPos = core.GridPos(h=panel.height, w=panel.width, x=left, y=top)
        panel.body.id = number
        bodies.append(panel.body)
        left, line_height = left + panel.width, max(line_height, panel.height)
    return bodies


def _targets(queries: Sequence[Query], shape: Shape) -> list[core.Target]:
    return [
        core.Target(
            expr=query.expr,
            legendFormat=query.legend,
            refId=letter,
            datasource=DATASOURCE,
            instant=shape is not Shape.OVER_TIME,
            format="table" if shape is Shape.ROWS else "time_series",
        )
        for letter, query in zip(ascii_uppercase, queries, strict=False)
    ]
