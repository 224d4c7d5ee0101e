"""The marks that Foresail leaves on objects, by which what it did can be undone without it."""

ADOPTED = "foresail.dev/adopted-hpa"  # on a PredictiveAutoscaler: the HPA that it took over, as JSON
ADOPTING = "foresail.dev/adopting"  # beside it until the take-over is done: how the object came to be (`Origin`)
FLOOR_OF = "foresail.dev/floor-of"  # on an HPA: whose floor its minReplicas is, as namespace/name
OWNER_MIN = "foresail.dev/owner-min-replicas"  # beside it: what its owner wrote; empty when that was nothing
FLOOR = "foresail.dev/floor-min-replicas"  # beside it: what we wrote
FLOOR_MANAGER = "foresail-floor"  # field manager of the floor
RESTORE_FINALIZER = "foresail.dev/restore"  # on a PredictiveAutoscaler with onDelete: Restore
