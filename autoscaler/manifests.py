"""Check manifests of our kinds without a cluster, by the same rules that the service goes by."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from autoscaler.api import API_VERSION
from autoscaler.api.parse import healing_policy, predictive_autoscaler
from autoscaler.errors import InvalidObject

_CHECKS = {"PredictiveAutoscaler": predictive_autoscaler, "HealingPolicy": healing_policy}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of one object, or of text that is none."""

    valid: bool
    lines: tuple[str, ...]


def check(text: str) -> Iterator[Verdict]:
    """Yield a verdict for each object of ours in some YAML, or the one that it is not YAML; other kinds are passed over."""
    try:
        documents = [one for one in yaml.safe_load_all(text) if one is not None]
    except yaml.YAMLError as error:
        yield Verdict(valid=False, lines=(f"is not YAML: {error}",))
        return
    ours = [obj for obj in _objects(documents) if isinstance(obj, dict) and obj.get("kind") in _CHECKS]
    if not ours:
        yield Verdict(valid=True, lines=("holds no PredictiveAutoscaler and no HealingPolicy",))
    for obj in ours:
        yield _verdict(obj)


def _objects(documents: list[Any]) -> Iterator[Any]:
    for document in documents:
        if isinstance(document, dict) and document.get("kind") == "List" and isinstance(document.get("items"), list):
            yield from document["items"]
        else:
            yield document


def _verdict(obj: dict[str, Any]) -> Verdict:
    given = obj.get("metadata")
    meta: dict[str, Any] = given if isinstance(given, dict) else {}
    name = f"{obj['kind']} {meta.get('namespace', 'default')}/{meta.get('name', '(without a name)')}"
    if obj.get("apiVersion") != API_VERSION:
        text = f"{name}: apiVersion: is {obj.get('apiVersion')!r}, must be {API_VERSION}"
        return Verdict(valid=False, lines=(text,))
    try:
        _CHECKS[obj["kind"]]({**obj, "metadata": {"namespace": "default", **meta}})
    except InvalidObject as error:
        return Verdict(valid=False, lines=tuple(f"{name}: {one}" for one in error.errors))
    return Verdict(valid=True, lines=(f"{name}: valid",))
