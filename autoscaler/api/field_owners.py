"""Who wrote a field of an object last, by the API server's own account (`metadata.managedFields`), and what they can do. Pure.

A write of the scale subresource is kept with `subresource: scale`, but under the same path (`f:spec`, `f:replicas`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

REPLICAS = ("f:spec", "f:replicas")
MIN_REPLICAS = ("f:spec", "f:minReplicas")
SOMEBODY = "somebody"


@dataclass(frozen=True, slots=True)
class FieldOwner:
    """An entry of `managedFields` that owns a field."""

    manager: str
    operation: str  # Apply (on the server's side) or Update
    at: str  # RFC 3339; empty: not told
    subresource: str = ""

    def __str__(self) -> str:
        through = f" of {self.subresource}" if self.subresource else ""
        return f"field manager {self.manager} ({self.operation}{through}{f' at {self.at}' if self.at else ''})"


def owner_of(managed_fields: Iterable[Json], path: Sequence[str], *, ours: Iterable[str] = ()) -> FieldOwner | None:
    """Return who wrote a field last; None where nobody but `ours` is known to."""
    mine = frozenset(ours)
    found = [
        FieldOwner(
            str(entry.get("manager") or SOMEBODY),
            str(entry.get("operation") or "Update"),
            str(entry.get("time") or ""),
            str(entry.get("subresource") or ""),
        )
        for entry in managed_fields
        if entry.get("manager") not in mine and _owns(entry, path)
    ]
    return max(found, key=lambda one: one.at, default=None)


def remedy(owner: FieldOwner | None, manager: str, field_name: str) -> str:
    """Return what keeps a tool from setting a field back that `manager` (a field manager of ours) writes."""
    name = owner.manager.lower() if owner else ""
    leave_out = f"leave {field_name} out of the manifest"
    argo_cd = (
        f"list {manager} in ignoreDifferences[].managedFieldsManagers of the Argo CD Application, "
        "with the sync option RespectIgnoreDifferences=true"
    )
    if "argocd" in name:
        return f"{leave_out}, or {argo_cd}"
    if name in {"kustomize-controller", "helm-controller", "flux"}:
        return f"{leave_out} that Flux applies"
    if name.startswith("kubectl"):
        return f"{leave_out} that is applied by kubectl"
    if name.startswith("helm"):
        return f"{leave_out} that the Helm chart renders"
    return f"{leave_out} that is applied (Flux, kubectl apply, Helm); with Argo CD, {argo_cd}"


def _owns(entry: Json, path: Sequence[str]) -> bool:
    inside: object = entry.get("fieldsV1")
    for part in path:
        if not isinstance(inside, dict) or part not in inside:
            return False
        inside = inside[part]
    return True
