"""The custom resource definitions say what api/types.py says, are structural, and every example is valid."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from jsonschema import Draft4Validator
from msgspec import inspect as types

from autoscaler.api import GROUP, VERSION, parse
from autoscaler.api.types import HealingPolicySpec, PredictiveAutoscalerSpec
from autoscaler.errors import InvalidObject
from tests.builders import a_forecast
from tests.unit.loops.scenes import CPU_80, PER_POD_10, Scene, a_shop

Json = dict[str, Any]
CHART = Path(__file__).resolve().parents[3] / "helm" / "foresail"
CRDS: dict[str, Json] = {
    crd["spec"]["names"]["kind"]: crd
    for crd in (yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((CHART / "crds").glob("*.yaml")))
}
SPECS = {"PredictiveAutoscaler": PredictiveAutoscalerSpec, "HealingPolicy": HealingPolicySpec}
READERS = {"PredictiveAutoscaler": parse.predictive_autoscaler, "HealingPolicy": parse.healing_policy}
EXAMPLES = [
    pytest.param(obj, id=f"{obj['kind']} {obj['metadata']['name']}")
    for path in sorted((CHART / "examples").glob("*.yaml"))
    for obj in yaml.safe_load_all(path.read_text(encoding="utf-8"))
]
NOT_OF_A_FLOOR = {"spec.maxReplicas"}  # a default would set it, where mode HPAFloor refuses it
ONE_OF_TWO_TYPES = {"spec.behavior.scaleUp.tolerance", "spec.behavior.scaleDown.tolerance", "spec.forecast.seasons"}


def schema_of(kind: str) -> Json:
    [version] = CRDS[kind]["spec"]["versions"]
    schema: Json = version["schema"]["openAPIV3Schema"]
    return schema


def nodes(schema: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Yield every part of a schema with the path of the field."""
    yield path.lstrip("."), schema
    for name, inner in schema.get("properties", {}).items():
        yield from nodes(inner, f"{path}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from nodes(schema["additionalProperties"], f"{path}{{}}")


def all_nodes() -> Iterator[tuple[str, Json]]:
    for kind in CRDS:
        yield from ((f"{kind} {path}", schema) for path, schema in nodes(schema_of(kind)))


# --- The same fields as the types --------------------------------------------------------------------------------------------


def parts(kind: types.Type) -> list[types.Type]:
    """Return the types that a field may have besides being absent."""
    members = kind.types if isinstance(kind, types.UnionType) else (kind,)
    return [member for member in members if not isinstance(member, types.NoneType)]


def differences(struct: type[msgspec.Struct], schema: Json, path: str) -> Iterator[str]:
    info = types.type_info(struct)
    assert isinstance(info, types.StructType)
    fields = {field.encode_name: field for field in info.fields}
    if fields.keys() != schema["properties"].keys():
        yield f"{path}: the type has {sorted(fields)}, the schema {sorted(schema['properties'])}"
        return
    if {name for name, field in fields.items() if field.required} != set(schema.get("required", ())):
        yield f"{path}: other fields are required"
    for name, field in fields.items():
        below, where = schema["properties"][name], f"{path}.{name}"
        if below.get("default") != (None if where in NOT_OF_A_FLOOR else default_of(field)):
            yield f"{where}: the default is {below.get('default')!r}, the type has {default_of(field)!r}"
        for part in parts(field.type):
            yield from part_differences(part, below, where)


def part_differences(part: types.Type, schema: Json, path: str) -> Iterator[str]:
    match part:
        case types.StructType(cls=struct):
            yield from differences(struct, schema, path)
        case types.VarTupleType(item_type=item, min_length=shortest):
            if "items" in schema:
                yield from part_differences(item, schema["items"], f"{path}[]")
            if schema.get("minItems") != shortest:
                yield f"{path}: the schema takes {schema.get('minItems')} items or more, the type {shortest}"
        case _:
            yield from scalar_differences(part, schema, path)


def scalar_differences(part: types.Type, schema: Json, path: str) -> Iterator[str]:
    match part:
        case types.EnumType(cls=enum):
            if set(schema["enum"]) != {member.value for member in enum}:
                yield f"{path}: the schema allows {schema['enum']}, the type {[member.value for member in enum]}"
        case types.IntType(ge=int(lowest), le=int(highest)):
            int32 = 2**31 - 1  # the bound that `format: int32` sets
            if (schema.get("minimum"), schema.get("maximum", int32)) != (lowest, highest):
                yield f"{path}: the schema takes {schema.get('minimum')}..{schema.get('maximum')}, the type {lowest}..{highest}"
        case types.FloatType(gt=float(low) | int(low), lt=float(high) | int(high)):
            exclusive = schema.get("exclusiveMinimum") and schema.get("exclusiveMaximum")
            if (schema.get("minimum"), schema.get("maximum"), exclusive) != (low, high, True):
                yield f"{path}: the schema has other bounds than {low} < x < {high}"
        case types.StrType(min_length=int(shortest)):
            if schema.get("minLength") != shortest:
                yield f"{path}: an empty text is allowed"


def default_of(field: types.Field) -> object:
    """What the schema should have as default; nothing for what is absent, or empty, and an object's own defaults for one."""
    if field.default_factory is not types.NODEFAULT:
        return None
    if isinstance(field.default, msgspec.Struct):
        return {}
    default = None if field.default is types.NODEFAULT else msgspec.json.decode(msgspec.json.encode(field.default))
    return default or (default if isinstance(default, bool | int) else None)


@pytest.mark.parametrize("kind", sorted(SPECS))
def test_the_schema_has_the_fields_bounds_and_defaults_of_the_types(kind: str) -> None:
    assert list(differences(SPECS[kind], schema_of(kind)["properties"]["spec"], "spec")) == []


# --- Structural, documented -------------------------------------------------------------------------------------------------


def test_every_field_is_described_but_the_metadata_which_is_kubernetes_own() -> None:
    leaves = [path for path, schema in all_nodes() if "description" not in schema]
    assert [path for path in leaves if not path.endswith((" metadata", "{}", "values[]", "actions[]"))] == []


def test_the_schemas_are_structural() -> None:
    """The rules of Kubernetes (`ValidateStructural`): a type everywhere, and nothing but values in anyOf, oneOf, allOf, not."""
    for path, schema in all_nodes():
        typed = "type" in schema or "x-kubernetes-int-or-string" in schema or "x-kubernetes-preserve-unknown-fields" in schema
        assert typed, path
        if "x-kubernetes-int-or-string" in schema:
            assert schema["anyOf"] == [{"type": "integer"}, {"type": "string"}], path
        assert ("properties" in schema or "additionalProperties" in schema) <= (schema.get("type") == "object"), path
        assert ("items" in schema) == (schema.get("type") == "array"), path
        assert not {"oneOf", "allOf", "not", "$ref", "definitions", "uniqueItems"} & schema.keys(), path


def test_a_field_without_a_type_is_one_that_two_types_may_have() -> None:
    untyped = {
        path.partition(" ")[2] for path, schema in all_nodes() if schema.get("x-kubernetes-preserve-unknown-fields") is True
    }
    assert untyped == ONE_OF_TWO_TYPES


def test_lists_and_texts_in_rules_are_bounded_so_that_the_rules_cost_little() -> None:
    for path, schema in all_nodes():
        if schema.get("type") == "array" and " spec." in path:
            assert "maxItems" in schema, path


def test_names_and_columns_are_what_people_type_and_read() -> None:
    for kind, short in (("PredictiveAutoscaler", "pa"), ("HealingPolicy", "heal")):
        spec = CRDS[kind]["spec"]
        [version] = spec["versions"]
        assert CRDS[kind]["metadata"]["name"] == f"{spec['names']['plural']}.{GROUP}"
        assert (version["name"], version["served"], version["storage"]) == (VERSION, True, True)
        assert version["subresources"] == {"status": {}}
        assert spec["names"]["shortNames"] == [short]
        columns = [column["name"] for column in version["additionalPrinterColumns"]]
        assert "Mode" in columns
        assert columns[-1] == "Age"


@pytest.mark.parametrize("kind", sorted(CRDS))
def test_every_column_shows_a_field_that_the_schema_has(kind: str) -> None:
    known = {path for path, _ in nodes(schema_of(kind))} | {"metadata.creationTimestamp"}
    for column in CRDS[kind]["spec"]["versions"][0]["additionalPrinterColumns"]:
        path = re.sub(r"\[\?\(@\.type==\"\w+\"\)\]", "[]", column["jsonPath"]).removeprefix(".")
        assert path in known, column["name"]


# --- Objects ----------------------------------------------------------------------------------------------------------------


def strict(schema: Json) -> Json:
    """Refuse what the schema does not know, where Kubernetes would drop it, or with server-side apply refuse it as well."""
    made = dict(schema)
    if "properties" in schema:
        made["properties"] = {name: strict(inner) for name, inner in schema["properties"].items()}
        made["additionalProperties"] = False
    if "items" in schema:
        made["items"] = strict(schema["items"])
    return made


def complaints(obj: Json, schema: Json) -> list[str]:
    errors = Draft4Validator(strict(schema)).iter_errors(obj)
    return [f"{'.'.join(map(str, error.path))}: {error.message}" for error in errors]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_valid_for_the_schema_and_for_the_service(example: Json) -> None:
    schema = schema_of(example["kind"])
    schema["properties"]["metadata"] = {"type": "object"}
    assert complaints(example, schema) == []
    read = READERS[example["kind"]](example)
    assert read.spec.mode.value == example["spec"]["mode"]


def test_there_is_an_example_of_every_field() -> None:
    for kind in CRDS:
        given = [example.values[0]["spec"] for example in EXAMPLES if example.values[0]["kind"] == kind]  # type: ignore[index]
        wanted = {
            name for name, _ in nodes(schema_of(kind)["properties"]["spec"]) if name and "." not in name and "[" not in name
        }
        assert set().union(*given) == wanted


SCALED: Json = {"scaleTargetRef": {"kind": "Deployment", "name": "shop"}, "mode": "Scale", "maxReplicas": 3}
HEALED: Json = {"mode": "Heal", "selector": {"matchLabels": {"app": "shop"}}, "faults": {"notReady": {}}}


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("PredictiveAutoscaler", {"mode": None}),
        ("PredictiveAutoscaler", {"mode": "Auto"}),
        ("PredictiveAutoscaler", {"maxReplicas": 0}),
        ("PredictiveAutoscaler", {"maxReplica": 3}),
        ("PredictiveAutoscaler", {"metrics": [{"type": "Queue"}]}),
        ("PredictiveAutoscaler", {"forecast": {"risk": 1}}),
        ("PredictiveAutoscaler", {"forecast": {"risk": 0}}),
        ("PredictiveAutoscaler", {"forecast": {"leadSeconds": "soon"}}),
        ("PredictiveAutoscaler", {"forecast": {"leadSeconds": 0}}),
        ("PredictiveAutoscaler", {"forecast": {"seasons": "daily"}}),
        ("PredictiveAutoscaler", {"behavior": {"scaleUp": {"tolerance": "a little"}}}),
        ("PredictiveAutoscaler", {"behavior": {"scaleUp": {"tolerance": -0.1}}}),
        ("PredictiveAutoscaler", {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 3601}}}),
        ("PredictiveAutoscaler", {"behavior": {"scaleDown": {"policies": []}}}),
        ("HealingPolicy", {"mode": None}),
        ("HealingPolicy", {"faults": {}}),
        ("HealingPolicy", {"actions": []}),
        ("HealingPolicy", {"actions": ["Delete"]}),
        ("HealingPolicy", {"budget": {"maxUnavailable": "0%"}}),
        ("HealingPolicy", {"budget": {"maxUnavailable": "101%"}}),
        ("HealingPolicy", {"breaker": {"unhealthyPercent": 101}}),
    ],
)
def test_what_the_schema_refuses_the_service_refuses_too(kind: str, change: Json) -> None:
    plain = SCALED if kind == "PredictiveAutoscaler" else HEALED
    spec = {name: value for name, value in (plain | change).items() if value is not None}
    assert complaints(plain, schema_of(kind)["properties"]["spec"]) == []
    assert complaints(spec, schema_of(kind)["properties"]["spec"]) != []
    with pytest.raises(InvalidObject):
        READERS[kind](
            {"apiVersion": f"{GROUP}/{VERSION}", "kind": kind, "metadata": {"name": "a", "namespace": "b"}, "spec": spec}
        )


# --- The status that the service writes: what the schema does not know the API server would drop ------------------------------


async def test_the_schema_knows_every_field_of_the_status_of_an_autoscaler() -> None:
    scene = a_shop(replicas=2, metrics=[CPU_80, PER_POD_10], forecast={"enabled": True})
    scene.use_cpu(0.160)
    scene.answer(50.0)
    await scene.forecasting.once()
    measured = {"lost_ratio": 0.1, "pods_ratio": 1.05, "coverage_ratio": 0.95}
    scene.forecasts.forecasts = {series: a_forecast(2.0, **measured) for series in scene.forecasts.forecasts}
    await scene.scaling.once()
    status = scene.status()
    assert {"metrics", "candidates", "conditions", "forecast", "lastScaleTime", "decision", "lastChange"} <= status.keys()
    assert {"limits", "metrics", "pods", "resultReason"} <= status["lastChange"].keys()
    assert {"forecast", "pods", "podsWithValue", "source", "ageSeconds", "reading"} <= status["decision"]["metrics"][0].keys()
    assert {"peak", "lostRatio", "podsRatio", "coverageRatio", "replicas"} <= status["forecast"].keys()
    assert complaints(status, schema_of("PredictiveAutoscaler")["properties"]["status"]) == []


async def test_the_schema_knows_every_field_of_the_status_of_a_policy() -> None:
    scene = Scene()
    scene.put_node()
    scene.deploy(replicas=2)
    owner = scene.cluster.list("pods")[0]["metadata"]["ownerReferences"][0]
    scene.put_pod("shop-sick", {"app": "shop"}, owner, unready_s=100)
    scene.heal(budget={"maxUnavailable": 3})
    await scene.healing.once()
    status = scene.status(plural="healingpolicies")
    assert {"acts", "pods", "conditions", "healthyPods"} <= status.keys()
    assert status["acts"]
    assert complaints(status, schema_of("HealingPolicy")["properties"]["status"]) == []
