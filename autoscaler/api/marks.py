"""Marks on objects: those that Foresail leaves, by which what it did can be undone without it, and those of tools."""

from collections.abc import Mapping

OURS = "foresail.dev/"  # what all of ours begin with

ADOPTED = "foresail.dev/adopted-hpa"  # on a PredictiveAutoscaler: the HPA that it took over, as JSON
ADOPTING = "foresail.dev/adopting"  # beside it until the take-over is done: how the object came to be (`Origin`)
ORIGIN = "foresail.dev/origin"  # beside it afterwards, where the object is the user's own: `Origin.OBSERVED`
HANDOVER = frozenset({ADOPTED, ADOPTING, ORIGIN})
FLOOR_OF = "foresail.dev/floor-of"  # on an HPA: whose floor its minReplicas is, as namespace/name
OWNER_MIN = "foresail.dev/owner-min-replicas"  # beside it: what its owner wrote; empty when that was nothing
FLOOR = "foresail.dev/floor-min-replicas"  # beside it: what we wrote
FLOOR_MANAGER = "foresail-floor"  # field manager of the floor
RESTORE_FINALIZER = "foresail.dev/restore"  # on a PredictiveAutoscaler with onDelete: Restore

TOOLS: Mapping[str, str] = {  # label or annotation: who put it there, and takes what has it for an object of its own
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "argocd.argoproj.io/instance": "Argo CD",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "kustomize.toolkit.fluxcd.io/namespace": "Flux",
    "helm.toolkit.fluxcd.io/name": "Flux",
    "helm.toolkit.fluxcd.io/namespace": "Flux",
    "meta.helm.sh/release-name": "Helm",
    "meta.helm.sh/release-namespace": "Helm",
}
