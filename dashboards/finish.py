"""Make of grafanalib's JSON what a present-day Grafana stores itself: schema 39, no nulls, no fields of panels long gone.

grafanalib (0.7) still writes the shapes of Grafana 5 beside the new ones; Grafana would migrate them at each load.
"""

import json
from collections.abc import Mapping
from typing import Any

from grafanalib._gen import DashboardEncoder

Json = dict[str, Any]

SCHEMA_VERSION = 39
_BOARD = {
    "annotations",
    "description",
    "editable",
    "graphTooltip",
    "links",
    "panels",
    "refresh",
    "schemaVersion",
    "tags",
    "templating",
    "time",
    "timezone",
    "title",
    "uid",
}
_ROW = {"collapsed", "gridPos", "id", "panels", "title", "type"}
_PANEL = {"datasource", "description", "fieldConfig", "gridPos", "id", "options", "targets", "title", "transformations", "type"}
_VARIABLE = {"hide", "includeAll", "label", "multi", "name", "query", "refresh", "regex", "sort", "type"}
_TARGET = {"datasource", "expr", "format", "instant", "legendFormat", "range", "refId"}


def finished(board: object) -> Json:
    """Return the JSON of a grafanalib Dashboard as Grafana keeps it."""
    raw = json.loads(json.dumps(board, cls=DashboardEncoder))
    kept: Json = _without_nulls(_only(raw, _BOARD))
    kept["schemaVersion"] = SCHEMA_VERSION
    kept["templating"] = {"list": [_variable(variable) for variable in raw["templating"]["list"]]}
    kept["panels"] = [_panel(panel) for panel in raw["panels"]]
    return kept


def _panel(raw: Json) -> Json:
    if raw["type"] == "row":
        return _only(raw, _ROW)
    panel: Json = _without_nulls(_only(raw, _PANEL))
    panel["targets"] = [_only(target, _TARGET) | {"range": not target["instant"]} for target in raw["targets"]]
    if not panel["transformations"]:
        del panel["transformations"]
    defaults = panel["fieldConfig"]["defaults"]
    defaults["custom"].pop("displayMode", None)  # of tables before Grafana 9
    if defaults["thresholds"]["steps"]:
        defaults["thresholds"]["steps"][0]["value"] = None  # the lowest has no value: the one null that Grafana wants
    else:
        del defaults["thresholds"]
    return panel


def _variable(raw: Json) -> Json:
    variable: Json = _without_nulls(_only(raw, _VARIABLE))
    if raw["type"] == "query":
        variable["datasource"] = raw["datasource"]
        variable["definition"] = raw["query"]
        variable["query"] = {"query": raw["query"], "refId": "StandardVariableQuery"}
    return variable


def _only(raw: Mapping[str, Any], keys: set[str]) -> Json:
    return {key: item for key, item in raw.items() if key in keys}


def _without_nulls(item: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(item, dict):
        return {key: _without_nulls(inner) for key, inner in item.items() if inner is not None}
    if isinstance(item, list):
        return [_without_nulls(inner) for inner in item]
    return item
