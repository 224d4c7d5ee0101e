"""Values and their schema say exactly what settings.py says, and a wrong value is refused by its name."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from jsonschema import Draft7Validator
from msgspec import inspect as types

from autoscaler.settings import Settings

Json = dict[str, Any]
Helm = Callable[..., Any]
CHART = Path(__file__).resolve().parents[3] / "helm" / "foresail"
VALUES: Json = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
SCHEMA: Json = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
BOUNDS = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}


def schema_of(kind: types.Type) -> Json:
    """What the schema should say of one setting, without its description."""
    match kind:
        case types.StructType(cls=struct):
            info = types.type_info(struct)
            assert isinstance(info, types.StructType)
            required = [field.name for field in info.fields if field.required]
            properties = {field.name: schema_of(field.type) for field in info.fields}
            plain: Json = {"type": "object", "additionalProperties": False, "properties": properties}
            return plain | ({"required": required} if required else {})
        case types.BoolType():
            return {"type": "boolean"}
        case types.StrType():
            return {"type": "string"}
        case types.LiteralType(values=values):
            return {"enum": list(values)}
        case types.VarTupleType(item_type=item):
            return {"type": "array", "items": schema_of(item)}
        case types.IntType() | types.FloatType():
            name = "integer" if isinstance(kind, types.IntType) else "number"
            found = {word: getattr(kind, bound) for bound, word in BOUNDS.items()}
            return {"type": name} | {word: limit for word, limit in found.items() if limit is not None}
    raise AssertionError(f"a setting of a type that this test does not know: {kind}")


def without_descriptions(schema: Json) -> Json:
    made = {key: item for key, item in schema.items() if key != "description"}
    if "properties" in made:
        made["properties"] = {name: without_descriptions(inner) for name, inner in made["properties"].items()}
    if "items" in made:
        made["items"] = without_descriptions(made["items"])
    return made


def objects(schema: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from objects(inner, f"{path}/{name}")
    if "items" in schema:
        yield from objects(schema["items"], f"{path}/items")


def keys(tree: Mapping[str, Any], schema: Json, path: str = "") -> Iterator[str]:
    """Yield the paths of all values that the schema knows by name."""
    for name, inner in tree.items():
        yield f"{path}/{name}"
        below = schema.get("properties", {}).get(name, {})
        if isinstance(inner, dict) and "properties" in below:
            yield from keys(inner, below, f"{path}/{name}")


def test_the_values_file_has_every_setting_with_its_default_and_invents_none() -> None:
    assert VALUES["settings"] == json.loads(msgspec.json.encode(Settings()))


def test_the_schema_has_every_setting_with_its_type_and_bounds_and_invents_none() -> None:
    assert without_descriptions(SCHEMA["properties"]["settings"]) == schema_of(types.type_info(Settings))


def test_every_setting_is_described_in_the_schema() -> None:
    missing = [path for path, schema in objects(SCHEMA["properties"]["settings"]) if "description" not in schema]
    assert [path for path in missing if not path.endswith(("/items", "/enabled"))] == []


def test_the_values_file_and_the_schema_know_the_same_values() -> None:
    in_schema = {path for path, _ in objects(SCHEMA) if path and "/items" not in path}
    # Parts of a Kubernetes object, and what a parent chart may pass down, are not written out in the values file.
    foreign = {path for path in in_schema if re.match(r"/global|.*/resources/", path)}
    assert set(keys(VALUES, SCHEMA)) - foreign == in_schema - foreign


def test_the_default_values_keep_to_the_schema() -> None:
    Draft7Validator.check_schema(SCHEMA)
    assert [error.message for error in Draft7Validator(SCHEMA).iter_errors(VALUES)] == []


def test_objects_of_our_own_refuse_what_they_do_not_know() -> None:
    for path, schema in objects(SCHEMA):
        if "properties" in schema:
            assert schema["additionalProperties"] is False, path


@pytest.mark.parametrize(
    ("word", "named"),
    [
        ("replicas=two", "/replicas"),
        ("replica=2", "replica"),
        ("settings.prometheus.timeout_s=soon", "/settings/prometheus/timeout_s"),
        ("settings.prometheus.timeout_s=0", "/settings/prometheus/timeout_s"),
        ("settings.prometheus.ulr=http://p", "ulr"),
        ("settings.scaling.tolerance=1", "/settings/scaling/tolerance"),
        ("settings.acts=maybe", "/settings/acts"),
        ("settings.log.level=loud", "/settings/log/level"),
        ("settings.notify.webhooks[0].name=ops", "url"),
        ("settings.kubernetes.namespaces=shop", "/settings/kubernetes/namespaces"),
        ("image.pullPolicy=Sometimes", "/image/pullPolicy"),
        ("image.digest=abc", "/image/digest"),
        ("exporter.enabled=ja", "/exporter/enabled"),
        ("monitoring.serviceMonitor.interval=often", "/monitoring/serviceMonitor/interval"),
        ("podAnnotations.scrape=true", "/podAnnotations/scrape"),
        ("rbac.extraScaleTargets[0].resource=rollouts", "apiGroup"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(word: str, named: str, helm: Helm) -> None:
    result = helm("template", "foresail", CHART, "--set", word)
    assert result.returncode != 0
    assert named in result.stderr
