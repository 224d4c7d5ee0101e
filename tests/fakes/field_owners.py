"""Who owns which field: server-side apply, updates and merge patches of one object, as far as HorizontalPodAutoscalers need it.

Fields are those of `spec` and the single annotations and labels. The contract tests hold it against the real API server.
"""

import copy
from typing import Any

Json = dict[str, Any]
Path = tuple[str, ...]  # ("spec", "minReplicas"), ("metadata", "annotations", "team")
WHEN = "2026-01-01T00:00:00Z"
_ABSENT = object()


def apply(live: Json, config: Json, manager: str, *, force: bool) -> Json | list[str]:
    """Return the object after a server-side apply, or the managers that own one of its fields with another value."""
    new = copy.deepcopy(live)
    asked, entries = _fields(config), _entries(live)
    mine = (manager, "Apply")
    owned = entries.get(mine, set())
    differing = {path for path, value in asked.items() if _get(live, path) != value}
    rivals = {owner for owner, paths in entries.items() if owner != mine and paths & differing}
    if rivals and not force:
        return sorted({name for name, _ in rivals})
    for owner in rivals:
        entries[owner] -= differing
    for path, value in asked.items():
        _set(new, path, value)
    for path in owned - set(asked):
        if not any(path in paths for owner, paths in entries.items() if owner != mine):
            _set(new, path, _ABSENT)
    entries[mine] = set(asked)
    return _with(_defaulted(new), entries)


def update(live: Json, wanted: Json, manager: str) -> Json:
    """Return the object after it was replaced; managedFields that come with it count, unless there are none."""
    entries = _entries(wanted) or _entries(live)
    if wanted["metadata"].get("managedFields") == [{}]:
        entries = {}
    new = _defaulted(copy.deepcopy(wanted))
    before, after = _fields(live), _fields(new)
    changed = {path for path in {*before, *after} if before.get(path, _ABSENT) != after.get(path, _ABSENT)}
    for owner in entries:
        entries[owner] -= changed
    if written := changed & set(after):
        entries[manager, "Update"] = entries.get((manager, "Update"), set()) | written
    return _with(new, entries)


def merge(live: Json, patch: Json) -> Json:
    """Return the object that a JSON merge patch (RFC 7386) makes of another."""
    new = copy.deepcopy(live)
    for key, value in patch.items():
        if value is None:
            new.pop(key, None)
        elif isinstance(value, dict):
            new[key] = merge(new.get(key) or {}, value)
        else:
            new[key] = copy.deepcopy(value)
    return new


def owners(obj: Json, *path: str) -> list[str]:
    """Return the managers that own a field."""
    return sorted(name for (name, _), paths in _entries(obj).items() if path in paths)


def _fields(obj: Json) -> dict[Path, Any]:
    found: dict[Path, Any] = {("spec", key): value for key, value in (obj.get("spec") or {}).items()}
    for part in ("annotations", "labels"):
        found |= {("metadata", part, key): value for key, value in (obj.get("metadata", {}).get(part) or {}).items()}
    return found


def _get(obj: Json, path: Path) -> Any:  # noqa: ANN401 - JSON
    for key in path:
        obj = (obj or {}).get(key, _ABSENT)
        if obj is _ABSENT:
            break
    return obj


def _set(obj: Json, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    for key in path[:-1]:
        obj = obj.setdefault(key, {})
    if value is _ABSENT:
        obj.pop(path[-1], None)
    else:
        obj[path[-1]] = value


def _defaulted(obj: Json) -> Json:
    """Fill in what the API server does: an HPA has at least one pod unless somebody says otherwise."""
    if obj.get("kind") == "HorizontalPodAutoscaler" or "scaleTargetRef" in obj.get("spec", {}):
        obj["spec"].setdefault("minReplicas", 1)
    return obj


def _entries(obj: Json) -> dict[tuple[str, str], set[Path]]:
    found: dict[tuple[str, str], set[Path]] = {}
    for entry in obj["metadata"].get("managedFields") or ():
        if entry:
            paths = {tuple(key.removeprefix("f:") for key in path) for path in _leaves(entry["fieldsV1"])}
            found[entry["manager"], entry["operation"]] = paths
    return found


def _leaves(fields: Json, at: Path = ()) -> list[Path]:
    below = {key: value for key, value in fields.items() if key != "."}
    return [path for key, value in below.items() for path in _leaves(value, (*at, key))] if below else [at] if at else []


def _with(obj: Json, entries: dict[tuple[str, str], set[Path]]) -> Json:
    listed = []
    for (manager, operation), paths in entries.items():
        fields: Json = {}
        for path in sorted(paths):
            part = fields
            for key in path:
                part = part.setdefault(f"f:{key}", {})
        if paths:
            listed.append({"manager": manager, "operation": operation, "time": WHEN, "fieldsV1": fields})
    obj["metadata"]["managedFields"] = listed
    return obj
