"""What an object scales, of every kind that scales something, so that two that scale the same are found. Pure.

Versions of an API group do not matter: they are the same target.
"""

from collections.abc import Mapping
from typing import Any

from autoscaler.api.convert.hpa import made_by_keda
from autoscaler.api.structure import an_object

Json = Mapping[str, Any]
Scaled = tuple[str, str, str, str]  # namespace, API group, kind, name

SCALED_OBJECT = "ScaledObject"


def by_ours(obj: Json) -> Scaled:
    """Return what an object of ours scales."""
    return _scaled(obj, "apps/v1", "")


def by_hpa(hpa: Json) -> Scaled:
    """Return what an HPA scales."""
    return _scaled(hpa, "", "")


def by_keda(scaled_object: Json) -> Scaled:
    """Return what a ScaledObject scales: a Deployment unless it says otherwise."""
    return _scaled(scaled_object, "apps/v1", "Deployment")


def group_of(api_version: str) -> str:
    """Return the API group of an apiVersion."""
    return api_version.rpartition("/")[0]


def named(obj: Json, kind: str) -> str:
    """Return an object in words."""
    meta = obj["metadata"]
    return f"{kind} {meta.get('namespace', '')}/{meta['name']}"


def named_hpa(hpa: Json) -> str:
    """Return an HPA in words; one that KEDA made comes back when it is deleted, so its ScaledObject is named."""
    text, owner = named(hpa, "HorizontalPodAutoscaler"), made_by_keda(hpa)
    return text if owner is None else f"{SCALED_OBJECT} {hpa['metadata'].get('namespace', '')}/{owner} (by its {text})"


def _scaled(obj: Json, api_version: str, kind: str) -> Scaled:
    ref = an_object(an_object(obj.get("spec")).get("scaleTargetRef"))
    group = group_of(str(ref.get("apiVersion") or api_version))
    return obj["metadata"].get("namespace", ""), group, ref.get("kind") or kind, ref.get("name", "")
