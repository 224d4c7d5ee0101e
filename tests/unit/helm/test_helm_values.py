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

from autoscaler.errors import InvalidSettings
from autoscaler.settings import Settings
from autoscaler.settings_file import load

Json = dict[str, Any]
Helm = Callable[..., Any]
CHART = Path(__file__).resolve().parents[3] / "helm" / "foresail"
VALUES: Json = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
SCHEMA: Json = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
URL = r"^https?://([^/?#@\s]+@)?([^/?#@:\s\[\]]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?([/?#]\S*)?$"
DASK = r"^((tcp|tls)://([^/?#@:\s\[\]]+|\[[0-9A-Fa-f:.]+\]):[1-9][0-9]{0,4})?$"
# Where the schema says more than the type of a setting: what the service refuses at its start by the whole of the settings is
# refused here before anything is installed; and 0, any port that is free, is none that a probe could find.
STRICTER: Mapping[str, Json] = {
    "prometheus.url": {"pattern": URL},
    "forecast.dask_address": {"pattern": DASK},
    "web.port": {"minimum": 1},
    "notify.webhooks[]": {"oneOf": [{"required": ["url"]}, {"required": ["url_file"]}]},
    "notify.webhooks[].url": {"pattern": URL},
    "notify.webhooks[].url_file": {"minLength": 1},
}
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


def stricter(schema: Json, path: str = "") -> Json:
    """Put what `STRICTER` names to what the types say."""
    made = schema | STRICTER.get(path, {})
    if "properties" in made:
        below = made["properties"].items()
        made["properties"] = {name: stricter(inner, f"{path}.{name}".lstrip(".")) for name, inner in below}
    if "items" in made:
        made["items"] = stricter(made["items"], f"{path}[]")
    return made


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


PATHS = set(keys(VALUES, SCHEMA))


def test_the_values_file_has_every_setting_with_its_default_and_invents_none() -> None:
    assert VALUES["settings"] == json.loads(msgspec.json.encode(Settings()))


def test_the_schema_has_every_setting_with_its_type_and_bounds_and_invents_none() -> None:
    assert without_descriptions(SCHEMA["properties"]["settings"]) == stricter(schema_of(types.type_info(Settings)))


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
        ("settings.prometheus.url=", "/settings/prometheus/url"),
        ("settings.prometheus.url=http://p:99999", "settings.prometheus.url has the port 99999"),
        ("settings.web.port=0", "/settings/web/port"),
        ("settings.web.port=65536", "/settings/web/port"),
        ("replicas=2,settings.leader_election.enabled=false", "all of them would act at once"),
        ("settings.leader_election.renew_deadline_s=15", "settings.leader_election.renew_deadline_s (15)"),
        ("settings.leader_election.retry_period_s=10", "settings.leader_election.retry_period_s (10)"),
        ("settings.forecast.refresh_s=300", "settings.forecast.expiry_s (300)"),
        ("settings.forecast.workers=0", "/settings/forecast/workers"),
        ("settings.forecast.dask_address=scheduler", "/settings/forecast/dask_address"),
        ("forecast.saved.size=large", "/forecast/saved/size"),
        ("forecast.saved.accessMode=Some", "/forecast/saved/accessMode"),
        ("forecast.saved.enabled=true,replicas=2", "forecast.saved.accessMode is ReadWriteOnce and replicas is 2"),
        ("forecast.saved.enabled=true,settings.forecast.saved_folder=/mine", "settings.forecast.saved_folder is /mine"),
        (
            "forecast.saved.enabled=true,forecast.saved.persistent=false,forecast.saved.existingClaim=mine",
            "forecast.saved.existingClaim is mine and",
        ),
        ("settings.scaling.tolerance=1", "/settings/scaling/tolerance"),
        ("settings.acts=maybe", "/settings/acts"),
        ("settings.log.level=loud", "/settings/log/level"),
        ("settings.notify.webhooks[0].name=ops", "url"),
        ("settings.notify.webhooks[0].url=http://p", "name"),
        ("settings.notify.webhooks[0].name=ops,settings.notify.webhooks[0].url=p", "/settings/notify/webhooks/0/url"),
        ("settings.kubernetes.namespaces=shop", "/settings/kubernetes/namespaces"),
        ("image.pullPolicy=Sometimes", "/image/pullPolicy"),
        ("image.digest=abc", "/image/digest"),
        ("image.repository=", "/image/repository"),
        ("image.repository=/foresail", "/image/repository"),
        ("image.registry=r.example/", "/image/registry"),
        ("image.registry=https://r.example", "/image/registry"),
        ("exporter.image.registry=r.example/", "/exporter/image/registry"),
        ("monitoring.prometheusRule.runbookUrlPrefix=docs", "/monitoring/prometheusRule/runbookUrlPrefix"),
        ("exporter.enabled=ja", "/exporter/enabled"),
        ("monitoring.serviceMonitor.interval=often", "/monitoring/serviceMonitor/interval"),
        ("monitoring.serviceMonitor.relabelings=drop", "/monitoring/serviceMonitor/relabelings"),
        ("podAnnotations.scrape=true", "/podAnnotations/scrape"),
        ("rbac.extraScaleTargets[0].resource=rollouts", "apiGroup"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(word: str, named: str, helm: Helm) -> None:
    result = helm("template", "foresail", CHART, "--set", word)
    assert result.returncode != 0
    assert named in result.stderr


SECTIONS = [path.lstrip("/").replace("/", ".") for path, schema in objects(SCHEMA) if "properties" in schema and path in PATHS]
LEAVES = ["replicas", "image.repository", "settings.acts", "settings.prometheus.url", "settings.web.port", "settings.log.level"]


@pytest.mark.parametrize("path", [*SECTIONS, *LEAVES])
def test_a_value_that_is_null_is_refused_by_its_name_or_left_out(path: str, helm: Helm) -> None:
    result = helm("template", "foresail", CHART, "--set", f"{path}=null")
    assert result.returncode == 0 or f"{path} must not be null; leave it out" in result.stderr
    assert "nil pointer" not in result.stderr


REFUSED_URLS = [
    "",
    "p",
    "p:9090",
    "//p",
    "ftp://p",
    "http://",
    "http:///path",
    "http://p:port",
    "http://p:",
    "http://[::1",
    "http://a b",
]
URLS = [
    "http://p",
    "https://me:hush@p.example:9090/prometheus?a=b",
    "http://[fd00::1]:9090",
    "http://prometheus-server.monitoring.svc:80",
    "http://10.0.0.1:9090/",
]


@pytest.mark.parametrize("url", [*REFUSED_URLS, *URLS])
def test_the_schema_and_the_service_agree_on_what_a_url_is(url: str) -> None:
    refused = url in REFUSED_URLS
    assert bool(list(Draft7Validator({"pattern": URL}).iter_errors(url))) is refused
    if not refused:
        assert load(None, {"FORESAIL_PROMETHEUS__URL": url}).prometheus.url == url
    elif url not in {"http://a b", "http://p:"}:  # these the service lets pass
        with pytest.raises(InvalidSettings, match=r"prometheus\.url"):
            load(None, {"FORESAIL_PROMETHEUS__URL": url})
