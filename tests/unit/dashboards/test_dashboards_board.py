"""Boards are what a present-day Grafana stores itself, and every query in them is right."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from dashboards.boards import BOARDS
from dashboards.finish import finished

Json = dict[str, Any]
Words = Callable[[str], set[str]]


def strict(properties: Json, *, optional: tuple[str, ...] = ()) -> Json:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


TEXT: Json = {"type": "string", "minLength": 1}
COUNT: Json = {"type": "integer", "minimum": 0}
DATASOURCE = strict({"type": {"const": "prometheus"}, "uid": {"const": "${datasource}"}})
GRID = strict({"h": COUNT, "w": {"type": "integer", "maximum": 24}, "x": {"type": "integer", "maximum": 23}, "y": COUNT})
TARGET = strict(
    {
        "datasource": DATASOURCE,
        "expr": TEXT,
        "format": {"enum": ["time_series", "table"]},
        "instant": {"type": "boolean"},
        "range": {"type": "boolean"},
        "legendFormat": TEXT,
        "refId": {"type": "string", "pattern": "^[A-Z]$"},
    }
)
PANEL = strict(
    {
        "datasource": DATASOURCE,
        "description": TEXT,
        "fieldConfig": strict({"defaults": {"type": "object"}, "overrides": {"type": "array"}}),
        "gridPos": GRID,
        "id": COUNT,
        "options": {"type": "object"},
        "targets": {"type": "array", "minItems": 1, "items": TARGET},
        "title": TEXT,
        "transformations": {"type": "array", "minItems": 1},
        "type": {"enum": ["timeseries", "stat", "table"]},
    },
    optional=("transformations",),
)
ROW = strict(
    {
        "collapsed": {"type": "boolean"},
        "gridPos": GRID,
        "id": COUNT,
        "panels": {"type": "array", "maxItems": 0},
        "title": TEXT,
        "type": {"const": "row"},
    }
)
BOARD = strict(
    {
        "annotations": strict({"list": {"type": "array"}}),
        "description": TEXT,
        "editable": {"const": False},
        "graphTooltip": {"enum": [0, 1, 2]},
        "links": {"type": "array"},
        "panels": {"type": "array", "items": {"oneOf": [PANEL, ROW]}},
        "refresh": TEXT,
        "schemaVersion": {"const": 39},
        "tags": {"type": "array", "contains": {"const": "foresail"}},
        "templating": strict({"list": {"type": "array", "minItems": 1}}),
        "time": strict({"from": TEXT, "to": TEXT}),
        "timezone": TEXT,
        "title": TEXT,
        "uid": {"type": "string", "pattern": "^[a-z-]{1,40}$"},
    }
)


@pytest.fixture(params=sorted(BOARDS))
def board(request: pytest.FixtureRequest) -> Json:
    return finished(BOARDS[request.param]())


def panels(board: Json) -> Iterator[Json]:
    return (panel for panel in board["panels"] if panel["type"] != "row")


def expressions(board: Json) -> Iterator[str]:
    for panel in panels(board):
        yield from (target["expr"] for target in panel["targets"])
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield re.fullmatch(r"label_values\((.*), \w+\)", variable["definition"])[1]  # type: ignore[index]


def filled(expression: str) -> str:
    """Put a value for each variable, as Grafana does before it asks."""
    return re.sub(r"\$\{?(\w+)\}?", lambda found: "5m" if found[1].startswith("__") else "some", expression)


def test_a_board_has_nothing_that_grafana_would_have_to_migrate(board: Json) -> None:
    assert [f"{'/'.join(map(str, error.path))}: {error.message}" for error in Draft7Validator(BOARD).iter_errors(board)] == []


def test_the_only_null_is_the_lowest_threshold(board: Json) -> None:
    nulls = re.findall(r'"(\w+)": null', json.dumps(board))
    thresholds = json.dumps(board).count('"steps": [{')
    assert nulls == ["value"] * thresholds


def test_panels_have_numbers_of_their_own_and_do_not_overlap(board: Json) -> None:
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


def test_queries_of_a_panel_have_letters_of_their_own(board: Json) -> None:
    for panel in panels(board):
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters), panel["title"]


def test_every_variable_that_is_used_is_defined_and_the_other_way_round(board: Json) -> None:
    text = json.dumps(board["panels"]) + json.dumps([one.get("definition", "") for one in board["templating"]["list"]])
    used = {name for name in re.findall(r"\$\{?(\w+)\}?", text) if not name.startswith("__")}
    assert used == {variable["name"] for variable in board["templating"]["list"]}


def test_every_metric_in_a_query_exists(board: Json, metric_names: Words, known_names: set[str]) -> None:
    found = set().union(*map(metric_names, expressions(board)))
    assert len(found) > 10
    assert found <= known_names, sorted(found - known_names)


def test_every_query_pins_a_job(board: Json) -> None:
    for expression in expressions(board):
        selectors = re.findall(r"\w+\{([^}]*)\}", expression)
        assert selectors, expression
        assert all('job="foresail' in selector for selector in selectors), expression


def test_promtool_reads_every_query(board: Json, tmp_path: Path, promtool: Callable[..., Any]) -> None:
    rules = [{"record": f"panel:{number}", "expr": filled(text)} for number, text in enumerate(expressions(board))]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    result = promtool("check", "rules", file)
    assert result.returncode == 0, result.stdout + result.stderr
