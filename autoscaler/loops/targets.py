"""The objects that are scaled: their replicas and selector, from the caches where the kind is watched, else from the API.

Reading the caches keeps a pass free of a request per workload; before an act the scale is read afresh anyway.
"""

import re
from dataclasses import dataclass

import msgspec

from autoscaler.api.types import LabelSelector, LabelSelectorRequirement, PredictiveAutoscaler, SelectorOperator
from autoscaler.clients.ports import Json, Kube, NotFound, Target
from autoscaler.errors import ForesailError
from autoscaler.loops.context import Stores
from autoscaler.model import WorkloadKey

_SET = re.compile(r"^(?P<key>\S+)\s+(?P<operator>in|notin)\s+\((?P<values>[^)]*)\)$")
_COMMA = re.compile(r",(?![^(]*\))")  # not within the parentheses of a set
_APPS = "apps/v1"
_CACHED = ("Deployment", "StatefulSet")  # kinds with a scale that the service watches


@dataclass(frozen=True, slots=True)
class SeenTarget:
    """What is known of a target; `selector` picks its pods."""

    spec_replicas: int
    status_replicas: int
    selector: LabelSelector


@dataclass(frozen=True, slots=True)
class MissingTarget:
    """A target whose scale cannot be read, and why."""

    message: str
    not_found: bool


def target_of(autoscaler: PredictiveAutoscaler) -> Target:
    """Return what an object of ours scales."""
    ref = autoscaler.spec.scale_target_ref
    return Target(ref.api_version, ref.kind, autoscaler.metadata.namespace, ref.name)


def workload_of(target: Target) -> WorkloadKey:
    """Return a target under the name that load is recorded by."""
    return WorkloadKey(target.namespace, target.kind, target.name)


async def look_at(target: Target, stores: Stores, kube: Kube) -> SeenTarget | MissingTarget:
    """Return replicas and selector of a target, or why they cannot be had; never raises for what the API answers."""
    cached = target.api_version == _APPS and target.kind in _CACHED
    store = stores.workloads.get(target.kind) if cached else None
    if store is not None:
        obj = store.get(target.namespace, target.name)
        return _from_object(target, obj) if obj else _not_found(target)
    try:
        scale = await kube.get_scale(target)
        if isinstance(scale, NotFound):
            return _not_found(target)
        return SeenTarget(scale.spec_replicas, scale.status_replicas, parse_selector(scale.selector))
    except (ForesailError, ValueError) as error:
        return MissingTarget(f"reading the scale of {target.kind} {target.namespace}/{target.name}: {error}", not_found=False)


def parse_selector(text: str) -> LabelSelector:
    """Return a label selector from its text form (`a=b,c in (x,y),!d`); ValueError when it cannot be understood."""
    labels: dict[str, str] = {}
    expressions: list[LabelSelectorRequirement] = []
    for part in (piece.strip() for piece in _COMMA.split(text)):
        if not part:
            continue
        if match := _SET.match(part):
            operator = SelectorOperator.IN if match["operator"] == "in" else SelectorOperator.NOT_IN
            values = tuple(value.strip() for value in match["values"].split(","))
            expressions.append(LabelSelectorRequirement(key=match["key"], operator=operator, values=values))
        elif "!=" in part:
            key, _, value = part.partition("!=")
            expressions.append(
                LabelSelectorRequirement(key=key.strip(), operator=SelectorOperator.NOT_IN, values=(value.strip(),))
            )
        elif "=" in part:
            key, _, value = part.replace("==", "=", 1).partition("=")
            labels[key.strip()] = value.strip()
        elif any(sign in part for sign in " ()"):
            raise ValueError(f"the selector {text!r} has a part that is not understood: {part!r}")
        else:
            operator = SelectorOperator.DOES_NOT_EXIST if part.startswith("!") else SelectorOperator.EXISTS
            expressions.append(LabelSelectorRequirement(key=part.lstrip("!"), operator=operator))
    return LabelSelector(match_labels=labels, match_expressions=tuple(expressions))


def is_empty(selector: LabelSelector) -> bool:
    """Say whether a selector would match every pod of the namespace."""
    return not selector.match_labels and not selector.match_expressions


def _from_object(target: Target, obj: Json) -> SeenTarget | MissingTarget:
    spec = obj.get("spec") or {}
    try:
        selector = msgspec.convert(spec.get("selector") or {}, LabelSelector)
    except msgspec.ValidationError as error:
        return MissingTarget(
            f"reading the selector of {target.kind} {target.namespace}/{target.name}: {error}", not_found=False
        )
    replicas = spec.get("replicas")
    return SeenTarget(1 if replicas is None else replicas, (obj.get("status") or {}).get("replicas", 0), selector)


def _not_found(target: Target) -> MissingTarget:
    return MissingTarget(
        f"{target.kind} {target.namespace}/{target.name} ({target.api_version}) was not found; "
        "create it or correct spec.scaleTargetRef",
        not_found=True,
    )
