"""The page of our objects names every field of their specs as the definitions have it, and no other."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.helm.test_helm_crds import CRDS, Json, nodes, schema_of

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "objects.md").read_text(encoding="utf-8")
QUANTITY = r"^\+?([0-9]+|"  # how the pattern of a quantity begins


def type_of(schema: Json) -> str:
    """Say in words what a field may hold."""
    if "enum" in schema:
        return " or ".join(f"`{one}`" for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {type_of(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"map of {type_of(schema['additionalProperties'])}"
    match schema.get("pattern", ""):
        case str(text) if text.startswith(QUANTITY):
            name = "quantity"
        case "^auto$":
            name = ("list of seconds" if schema.get("maxItems") else bounded("integer", schema)) + ", or `auto`"
        case str(text) if text.endswith("%$"):
            name = f"{bounded('integer', schema)}, or a percentage"
        case _:
            name = bounded({"string": "text"}.get(schema["type"], schema["type"]), schema)
    return name


def bounded(name: str, schema: Json) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if schema.get("exclusiveMinimum"):
        return f"{name} > {low} and < {high}"
    return f"{name} {low}..{high}" if high is not None else f"{name} >= {low}" if low is not None else name


def wanted(kind: str) -> Iterator[tuple[str, str, str]]:
    """Yield field, type and default of every field of a spec."""
    spec = schema_of(kind)["properties"]["spec"]
    fields = dict(nodes(spec))
    for path, schema in fields.items():
        if not path or path.endswith(("[]", "{}")):
            continue
        above, _, name = path.rpartition(".")
        required = name in fields[above].get("required", ())
        default = f"`{json.dumps(schema['default'])}`" if schema.get("default") else "required" if required else ""
        yield f"`{path}`", type_of(schema), default


def rows(kind: str) -> list[tuple[str, ...]]:
    """Return the rows of a kind's table, the meaning last."""
    section = re.search(rf"^## {kind}\n(.*?)(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert section, f"docs/objects.md has no section {kind}"
    lines = re.findall(r"^\| `.*\|$", section[1], flags=re.MULTILINE)
    return [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines]


@pytest.mark.parametrize("kind", sorted(CRDS))
def test_every_field_has_its_row_with_its_type_and_default_and_none_is_invented(kind: str) -> None:
    assert [row[:3] for row in rows(kind)] == list(wanted(kind))


@pytest.mark.parametrize("kind", sorted(CRDS))
def test_every_field_is_explained(kind: str) -> None:
    assert [row[0] for row in rows(kind) if len(row) != 4 or len(row[3]) < 8] == []


@pytest.mark.parametrize("kind", sorted(CRDS))
def test_every_rule_over_several_fields_is_named(kind: str) -> None:
    rules = [rule for _, schema in nodes(schema_of(kind)) for rule in schema.get("x-kubernetes-validations", ())]
    assert rules
    words = " ".join(PAGE.split())
    assert [rule["message"] for rule in rules if rule["message"] not in words] == []
