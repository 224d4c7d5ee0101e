"""Who owns which field of an object, kept in `managedFields` as the API server does: the part of it that a client can tell.

Fields are paths through objects; a list is one field. Types and merging of lists by key are left out. The contract tests hold
it against the real API server.
"""

import copy
from typing import Any

Json = dict[str, Any]
Path = tuple[str, ...]
WHEN = "2026-01-01T00:00:00Z"  # of every entry
_OWNED_METADATA = ("labels", "annotations", "finalizers")


def leaves(obj: Json) -> dict[Path, Any]:
    """Return the fields of an object that somebody can own, with their values."""
    meta = {key: obj.get("metadata", {})[key] for key in _OWNED_METADATA if obj.get("metadata", {}).get(key)}
    return dict(_walk({"metadata": meta, "spec": obj.get("spec", {})}, ()))


def merged(old: object, patch: object) -> Any:  # noqa: ANN401 - JSON
    """Return an object after a JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def updated(old: Json, new: Json, manager: str) -> list[Json]:
    """Return the entries after a create, update or merge patch: what changed is the manager's now, and nobody else's."""
    before, after = leaves(old), leaves(new)
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    owned = {key: (paths - changed) & after.keys() for key, paths in _read(new).items()}
    mine = (manager, "Update")
    owned[mine] = owned.get(mine, set()) | (changed & after.keys())
    return _written(owned)


def replaced(old: Json, new: Json, manager: str) -> Json:
    """Return an object after somebody replaced it; managedFields that come with it count, unless they are cleared or none."""
    sent = new.get("metadata", {}).get("managedFields")
    result = _defaulted(copy.deepcopy(new))
    result["metadata"]["managedFields"] = sent or old["metadata"].get("managedFields") or []
    result["metadata"]["managedFields"] = updated(old, result, manager)
    return result


def applied(old: Json, wanted: Json, manager: str, *, force: bool) -> Json | list[str]:
    """Return an object after a server-side apply, or the managers that have one of its fields at another value."""
    before, asked, mine = leaves(old), leaves(wanted), (manager, "Apply")
    owned = _read(old)
    contested = {path for path, value in asked.items() if before.get(path) != value}
    others = {path for key, paths in owned.items() if key != mine for path in paths}
    if contested & others and not force:
        return sorted({name for (name, _), paths in owned.items() if (name, "Apply") != mine and paths & contested})
    result = copy.deepcopy(old)
    for path in owned.get(mine, set()) - asked.keys() - others:
        _drop(result, path)
    result = merged(result, {key: wanted[key] for key in ("metadata", "spec") if key in wanted})
    owned = {key: paths - contested for key, paths in owned.items()} | {mine: set(asked)}
    result = _defaulted(dict(result))
    result["metadata"]["managedFields"] = _written(owned)
    return result


def _defaulted(obj: Json) -> Json:
    """Fill in what the API server does: an HPA has at least one pod unless somebody says otherwise."""
    if obj.get("kind") == "HorizontalPodAutoscaler" or ("scaleTargetRef" in obj.get("spec", {}) and "mode" not in obj["spec"]):
        obj["spec"].setdefault("minReplicas", 1)
    return obj


def _walk(value: object, path: Path) -> Any:  # noqa: ANN401 - a generator of pairs
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _walk(below, (*path, key))
    else:
        yield path, value


def _drop(obj: Json, path: Path) -> None:
    *above, last = path
    for key in above:
        obj = obj.get(key, {})
    obj.pop(last, None)


def _read(obj: Json) -> dict[tuple[str, str], set[Path]]:
    entries = obj.get("metadata", {}).get("managedFields") or []
    return {
        (one["manager"], one["operation"]): set(_paths(one.get("fieldsV1", {}), ())) for one in entries if one.get("manager")
    }


def _paths(fields: Json, path: Path) -> Any:  # noqa: ANN401 - a generator of paths
    for key, below in fields.items():
        if key.startswith("f:"):
            yield from _paths(below, (*path, key[2:])) if below else [(*path, key[2:])]


def _written(owned: dict[tuple[str, str], set[Path]]) -> list[Json]:
    entries = []
    for (manager, operation), paths in owned.items():
        fields: Json = {}
        for path in sorted(paths):
            below = fields
            for key in path:
                below = below.setdefault(f"f:{key}", {})
        if fields:
            how = {"manager": manager, "operation": operation, "time": WHEN}
            entries.append({**how, "fieldsType": "FieldsV1", "fieldsV1": fields})
    return entries
