"""Check manifests of our kinds without a cluster, by the same rules that the service goes by."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from autoscaler.api import API_VERSION, GROUP
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
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # an impossible date, a number or a nesting without end
        yield Verdict(valid=False, lines=(f"is not YAML that can be read: {error}",))
        return
    ours = [obj for obj in _objects(documents) if isinstance(obj, dict) and _is_ours(obj)]
    if not ours:
        yield Verdict(valid=True, lines=("holds no PredictiveAutoscaler and no HealingPolicy",))
    for obj in ours:
        yield _verdict(obj)


def _is_ours(obj: dict[str, Any]) -> bool:
    """Say whether an object is of our kinds, or of our group: a kind that is misspelt must not pass in silence."""
    kind, version = obj.get("kind"), obj.get("apiVersion")
    return (isinstance(kind, str) and kind in _CHECKS) or (isinstance(version, str) and version.startswith(f"{GROUP}/"))


def _objects(documents: list[Any]) -> Iterator[Any]:
    for document in documents:
        if isinstance(document, dict) and document.get("kind") == "List" and isinstance(document.get("items"), list):
            yield from document["items"]
        else:
            yield document


def _verdict(obj: dict[str, Any]) -> Verdict:
    given = obj.get("metadata")
    meta: dict[str, Any] = given if isinstance(given, dict) else {}
    name = f"{obj.get('kind')} {meta.get('namespace', 'default')}/{meta.get('name', '(without a name)')}"
    if obj.get("apiVersion") != API_VERSION:
        text = f"{name}: apiVersion: is {obj.get('apiVersion')!r}, must be {API_VERSION}"
        return Verdict(valid=False, lines=(text,))
    if not isinstance(obj.get("kind"), str) or obj["kind"] not in _CHECKS:
        return Verdict(valid=False, lines=(f"{name}: kind: must be one of {', '.join(_CHECKS)}",))
    try:
        _CHECKS[obj["kind"]]({**obj, "metadata": {"namespace": "default", **meta}})
    except InvalidObject as error:
        return Verdict(valid=False, lines=tuple(f"{name}: {one}" for one in error.errors))
    except RecursionError:
        return Verdict(valid=False, lines=(f"{name}: is nested without end (an anchor that holds itself?)",))
    return Verdict(valid=True, lines=(f"{name}: valid",))
