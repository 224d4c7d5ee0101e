"""One cache over several namespaces, each watched by itself: where only a few are served, RBAC grants no list of all."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from autoscaler.clients.kube.client import KubeClient
from autoscaler.clients.kube.reflector import Reflector
from autoscaler.clients.kube.resources import Json, Resource
from autoscaler.telemetry import WATCH_AGE


@dataclass(frozen=True, slots=True)
class JoinedStore:
    """The port `Store` over reflectors of one kind; as old as the oldest of them, and synced when all are."""

    reflectors: Sequence[Reflector]

    def __post_init__(self) -> None:
        for reflector in self.reflectors:
            WATCH_AGE.labels(resource=reflector.resource.plural).set_function(self.age_s)

    @property
    def synced(self) -> bool:
        """Whether every namespace has been listed once."""
        return all(reflector.synced for reflector in self.reflectors)

    def items(self) -> Sequence[Json]:
        """Return all objects known now."""
        return tuple(obj for reflector in self.reflectors for obj in reflector.items())

    def get(self, namespace: str, name: str) -> Json | None:
        """Return one object, or None."""
        found = (reflector.get(namespace, name) for reflector in self.reflectors)
        return next((obj for obj in found if obj is not None), None)

    def age_s(self) -> float:
        """Return the seconds since the API server was last heard of, for the namespace where that is longest ago."""
        return max(reflector.age_s() for reflector in self.reflectors)

    def subscribe(self, event: asyncio.Event) -> None:
        """Set the event whenever an object came, changed or went."""
        for reflector in self.reflectors:
            reflector.subscribe(event)

    async def wait_synced(self, deadline_s: float) -> None:
        """Wait for the first whole list of every namespace; Temporary when one is not there within so many seconds."""
        await asyncio.gather(*(reflector.wait_synced(deadline_s) for reflector in self.reflectors))

    async def run(self) -> None:
        """List and watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            for reflector in self.reflectors:
                group.create_task(reflector.run())


def reflect(
    client: KubeClient, resource: Resource, namespaces: Sequence[str], trim: Callable[[Json], Json]
) -> Reflector | JoinedStore:
    """Return a cache of one kind in the namespaces that are served; none named, or a kind without namespaces, means all."""
    if not namespaces or not resource.namespaced:
        return Reflector(client, resource, trim=trim)
    return JoinedStore(tuple(Reflector(client, resource, namespace, trim=trim) for namespace in namespaces))
