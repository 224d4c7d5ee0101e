"""Which metadata of an object goes over to the PredictiveAutoscaler: name, namespace, labels, annotations of the user's own."""

from autoscaler.api.convert.hpa_versions import ANNOTATIONS
from autoscaler.api.convert.parts import Fields, Json, Note
from autoscaler.api.marks import OURS, TOOLS
from autoscaler.api.structure import a_list, an_object, shown
from autoscaler.api.validation import is_label_key, is_label_value

_OF_THE_OLD = ("kubectl.kubernetes.io/", ANNOTATIONS)  # what begins so speaks of the old object


def carried(metadata: Json, notes: list[Note]) -> Fields:
    """Return the metadata of the new object; what the API server or a controller wrote there does not belong to it."""
    kept = {name: metadata[name] for name in ("name", "namespace") if metadata.get(name) is not None}
    for name in ("labels", "annotations"):
        given = metadata.get(name)
        if given is not None and not isinstance(given, dict):
            notes.append(Note(f"metadata.{name}", f"left out: it must be an object of texts, not {shown(given)}"))
        if own := {key: value for key, value in an_object(given).items() if _goes_over(name, key, value, notes)}:
            kept[name] = own
    for owner in a_list(metadata.get("ownerReferences")):
        who = f"{an_object(owner).get('kind', 'something')} {an_object(owner).get('name', 'without a name')}"
        text = f"not carried over: {who} made the object and may make it again, or change it back; look there first"
        notes.append(Note("metadata.ownerReferences", text))
    if metadata.get("finalizers"):
        notes.append(Note("metadata.finalizers", "not carried over: they belong to whoever put them on the old object"))
    return kept


def is_of_keda(key: str) -> bool:
    """Say whether a label or an annotation is one of KEDA's own."""
    domain = key.partition("/")[0]
    return "/" in key and (domain == "keda.sh" or domain.endswith(".keda.sh"))


def _goes_over(kind: str, key: object, value: object, notes: list[Note]) -> bool:
    if not isinstance(key, str) or key.startswith(_OF_THE_OLD) or is_of_keda(key):
        return False
    where = f"metadata.{kind}[{key}]"
    if key in TOOLS:
        text = f"left out: {TOOLS[key]} knows what is its own by it, and would remove what its source does not hold"
        notes.append(Note(where, f"{text}; put the new object into that source"))
    elif key.startswith(OURS):
        notes.append(Note(where, "left out: Foresail's own note about the old object"))
    elif not is_label_key(key.lower() if kind == "annotations" else key):
        notes.append(Note(where, "left out: the API server takes no such key"))
    elif not isinstance(value, str):
        notes.append(Note(where, f"left out: it must be text, not {shown(value)}; put it in quotes"))
    elif kind == "labels" and not is_label_value(value):
        notes.append(Note(where, f"left out: {shown(value)} is not the value of a label"))
    else:
        return True
    return False
