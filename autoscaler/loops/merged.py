"""The caches of several namespaces as one, for a service that serves some namespaces and not the whole cluster."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from autoscaler.clients.ports import Json, Store


@dataclass(frozen=True, slots=True)
class MergedStore:
    """Keeps the port `Store`: synced when all are, as old as the oldest."""

    stores: tuple[Store, ...]

    @property
    def synced(self) -> bool:
        """Whether every part has been filled once."""
        return all(store.synced for store in self.stores)

    @property
    def problem(self) -> str:
        """What keeps the part that was heard of longest ago from being followed."""
        return max(self.stores, key=lambda store: store.age_s()).problem

    def items(self) -> Sequence[Json]:
        """Return all objects known now."""
        return tuple(chain.from_iterable(store.items() for store in self.stores))

    def get(self, namespace: str, name: str) -> Json | None:
        """Return one object, or None."""
        found = (store.get(namespace, name) for store in self.stores)
        return next((obj for obj in found if obj is not None), None)

    def age_s(self) -> float:
        """Return the seconds since the API server was last heard of, about the part where that is longest ago."""
        return max(store.age_s() for store in self.stores)
