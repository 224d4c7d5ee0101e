"""The objects that are scaled: their replicas and selector, from the caches where the kind is watched, else from the API.

Reading the caches keeps a pass free of a request per workload; before an act the scale is read afresh anyway.
"""

from dataclasses import dataclass

import msgspec

from autoscaler.api.selector_text import parse_selector
from autoscaler.api.types import LabelSelector, PredictiveAutoscaler
from autoscaler.clients.ports import Json, Kube, NotFound, Scale, Target
from autoscaler.errors import ForesailError
from autoscaler.loops.context import Stores
from autoscaler.model import WorkloadKey
from autoscaler.reasons import Reason
from autoscaler.scaling.types import SelectorFault

_APPS = "apps/v1"
_CACHED = ("Deployment", "StatefulSet")  # kinds with a scale that the service watches


@dataclass(frozen=True, slots=True)
class SeenTarget:
    """What is known of a target; `selector` picks its pods, unless a `fault` says why it cannot."""

    spec_replicas: int
    status_replicas: int
    selector: LabelSelector
    fault: SelectorFault | None = None


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
        return _not_found(target) if isinstance(scale, NotFound) else seen_scale(scale)
    except ForesailError as error:
        return MissingTarget(f"reading the scale of {target.kind} {target.namespace}/{target.name}: {error}", not_found=False)


def seen_scale(scale: Scale) -> SeenTarget:
    """Return what a scale tells of a target; a selector that is empty or no selector is the HPA's fault of that name."""
    try:
        return _with_selector(scale.spec_replicas, scale.status_replicas, parse_selector(scale.selector))
    except ValueError as error:
        fault = SelectorFault(Reason.INVALID_SELECTOR, Reason.INVALID_SELECTOR, str(error))
        return SeenTarget(scale.spec_replicas, scale.status_replicas, LabelSelector(), fault)


def _with_selector(spec_replicas: int, status_replicas: int, selector: LabelSelector) -> SeenTarget:
    fault = SelectorFault(Reason.INVALID_SELECTOR, Reason.SELECTOR_REQUIRED, "the selector of the target is empty")
    return SeenTarget(spec_replicas, status_replicas, selector, fault if is_empty(selector) else None)


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
    return _with_selector(1 if replicas is None else replicas, (obj.get("status") or {}).get("replicas", 0), selector)


def _not_found(target: Target) -> MissingTarget:
    return MissingTarget(
        f"{target.kind} {target.namespace}/{target.name} ({target.api_version}) was not found; "
        "create it or correct spec.scaleTargetRef",
        not_found=True,
    )
