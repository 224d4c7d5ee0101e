"""What is kept of an HPA that was taken over, and the HPA that is made of it again. Pure.

The record is an annotation of the object that took its place, so that nothing else is needed to go back: no file, no service.
"""

import json
from typing import Any

from autoscaler.api.marks import ADOPTED
from autoscaler.api.structure import is_nested_deeper
from autoscaler.api.validation import metadata_faults
from autoscaler.clients.kube.resources import HORIZONTAL_POD_AUTOSCALERS as HPAS
from autoscaler.clients.ports import Json
from autoscaler.errors import Permanent

_BOUNDS = ("minReplicas", "maxReplicas")
_KEPT = ("labels", "annotations", "ownerReferences")
_MOST_LEVELS = 50  # an HPA has some fifteen, and those who send it recurse


def named(obj: Json) -> str:
    """Return kind, namespace and name of an object, for messages."""
    meta = obj["metadata"]
    return f"{obj.get('kind', 'object')} {meta.get('namespace', '')}/{meta['name']}"


def annotation(obj: Json, name: str) -> str | None:
    """Return one annotation of an object."""
    found = (obj["metadata"].get("annotations") or {}).get(name)
    return None if found is None else str(found)


def record_of(hpa: Json) -> str:
    """Return what has to be known to make an HPA again."""
    meta = hpa["metadata"]
    kept = {key: meta[key] for key in _KEPT if meta.get(key)}
    record = {"apiVersion": HPAS.api_version, "kind": HPAS.kind, "name": meta["name"], **kept, "spec": hpa["spec"]}
    return json.dumps(record, separators=(",", ":"), sort_keys=True)


def made_again(hpa: Json) -> Json:
    """Return the HPA that is made when a live one is given back: what is recorded of it."""
    return _hpa_of(json.loads(record_of(hpa)), hpa["metadata"]["namespace"])


def adopted(autoscaler: Json) -> Json | None:
    """Return the HPA that an object of ours took over, as it was; None when it took over none.

    Who may write our objects need not be one who may write HPAs, and it is somebody else who types `release`. So the record is
    believed for its own namespace and its object's own target only. Raises Permanent for one that cannot be read or that
    names another target.
    """
    text = annotation(autoscaler, ADOPTED)
    if text is None:
        return None
    try:
        hpa = _hpa_of(json.loads(text), autoscaler["metadata"]["namespace"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Permanent(
            f"reading the annotation {ADOPTED} of {named(autoscaler)}: it is no record of an HPA ({error!r}); "
            "put it back as it was, or use --make-hpa"
        ) from error
    if not same_target(hpa, autoscaler):
        raise Permanent(
            f"reading the annotation {ADOPTED} of {named(autoscaler)}: it records an HPA of another target than "
            f"{target_text(autoscaler)}, which nobody adopted; take the annotation off, or use --make-hpa"
        )
    return hpa


def _hpa_of(record: Any, namespace: str) -> Json:  # noqa: ANN401 - JSON
    """Return the HPA of a record; raises ValueError, KeyError or TypeError where it is none."""
    meta = {"name": record["name"], "namespace": namespace}
    meta |= {key: record[key] for key in _KEPT if key in record}
    spec, owners = record["spec"], meta.get("ownerReferences", [])
    if is_nested_deeper(record, _MOST_LEVELS):
        raise ValueError("it is nested too deeply")
    if not (isinstance(meta["name"], str) and isinstance(spec, dict) and isinstance(spec.get("scaleTargetRef"), dict)):
        raise TypeError("name, spec and its scaleTargetRef are not what they are in an HPA")
    if not (isinstance(owners, list) and all(isinstance(one, dict) for one in owners)):
        raise TypeError("ownerReferences are no list of objects")
    for kind in ("labels", "annotations"):
        if not (isinstance(marks := meta.get(kind, {}), dict) and all(isinstance(one, str) for one in marks.values())):
            raise TypeError(f"{kind} are no texts by name")
    for fault in metadata_faults({"name": meta["name"]}):  # what else the API server refuses, it says itself
        raise ValueError(str(fault))
    return {"apiVersion": HPAS.api_version, "kind": HPAS.kind, "metadata": meta, "spec": spec}


def with_bounds_of(hpa: Json, autoscaler: Json) -> tuple[Json, list[str]]:
    """Return an HPA with the bounds that the object has now, and a line for each that was another before.

    Who raised maxReplicas since the take-over did it because the load asked for it: going back to the old one would remove
    pods at once. Metrics and behavior are the HPA's own again, as the object's may say what no HPA can.
    """
    spec, now = dict(hpa["spec"]), autoscaler["spec"]
    lines = []
    for bound in _BOUNDS:
        before = spec.get(bound, 1 if bound == "minReplicas" else None)
        after = now.get(bound, before)
        if after != before:
            spec[bound] = after
            lines.append(f"{bound} is {after}, as {named(autoscaler)} has it by now; it was {before}")
    return {**hpa, "spec": spec}, lines


def same_target(one: Json, other: Json) -> bool:
    """Say whether two scalers of a namespace have the same target; versions of an API group do not matter."""
    return _target(one) == _target(other)


def target_text(obj: Json) -> str:
    """Return the target of a scaler, for messages."""
    ref = obj.get("spec", {}).get("scaleTargetRef", {})
    return f"{ref.get('kind', '')} {obj['metadata'].get('namespace', '')}/{ref.get('name', '')}"


def _target(obj: Json) -> tuple[str, str, str, str]:
    ref = obj.get("spec", {}).get("scaleTargetRef") or {}
    group = str(ref.get("apiVersion", "")).rpartition("/")[0]
    return obj["metadata"].get("namespace", ""), group, ref.get("kind", ""), ref.get("name", "")
