"""What is kept of an HPA that was taken over, and the HPA that is made of it again. Pure.

The record is an annotation of the object that took its place, so that nothing else is needed to go back: no file, no service.
"""

import json

from autoscaler.api.marks import ADOPTED
from autoscaler.clients.kube.resources import HORIZONTAL_POD_AUTOSCALERS as HPAS
from autoscaler.clients.ports import Json
from autoscaler.errors import Permanent

_BOUNDS = ("minReplicas", "maxReplicas")
_KEPT = ("labels", "annotations", "ownerReferences")


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


def adopted(autoscaler: Json) -> Json | None:
    """Return the HPA that an object of ours took over, as it was; None when it took over none.

    Raises Permanent when somebody has changed the record so that it cannot be read.
    """
    text = annotation(autoscaler, ADOPTED)
    if text is None:
        return None
    try:
        record = json.loads(text)
        meta = {"name": record["name"], "namespace": autoscaler["metadata"]["namespace"]}
        meta |= {key: record[key] for key in _KEPT if key in record}
        return {"apiVersion": HPAS.api_version, "kind": HPAS.kind, "metadata": meta, "spec": dict(record["spec"])}
    except (ValueError, KeyError, TypeError) as error:
        raise Permanent(
            f"reading the annotation {ADOPTED} of {named(autoscaler)}: it is no record of an HPA ({error!r}); "
            "put it back as it was, or use --make-hpa"
        ) from error


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
