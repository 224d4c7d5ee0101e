"""A shop that a live HPA drives, the real scaling loop beside it, and both commands over real HTTP against the same cluster."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from autoscaler.api.convert.hpa import spec_of_hpa
from autoscaler.clients.kube.connection import Connection
from autoscaler.handover.adopt import Order, adopt
from autoscaler.handover.release import Service, Terms, release
from autoscaler.handover.session import Session
from autoscaler.loops.scale import ScaleLoop
from autoscaler.model import ObjectKey
from autoscaler.settings import Settings
from tests.fakes.api_server import FakeApiServer, Matcher
from tests.fakes.cluster import FakeCluster
from tests.fakes.kube import FakeStore
from tests.fakes.waiting import until
from tests.unit.loops.scenes import CPU_80, NAMESPACE, Scene

Json = dict[str, Any]
SHOP = ObjectKey(NAMESPACE, "shop")
HPAS, OURS = "horizontalpodautoscalers", "predictiveautoscalers"
POLL_S = 0.002
SETTLE_S = 0.02
SHORT_S = 0.6  # what a test waits for in vain
LONG_S = 10.0


def an_hpa(name: str = "shop", *, target: str = "shop", wants: int = 2, **meta: object) -> Json:
    """An HPA of 1 to 10 replicas by CPU, which wants so many now."""
    status = {"currentReplicas": wants, "desiredReplicas": wants, "conditions": [{"type": "ScalingActive", "status": "True"}]}
    return {
        "metadata": {"namespace": NAMESPACE, "name": name, **meta},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
            "minReplicas": 1,
            "maxReplicas": 10,
            "metrics": [CPU_80],
        },
        "status": status,
    }


def an_autoscaler(name: str = "shop", *, target: str = "shop", mode: str = "Observe", **meta: object) -> Json:
    """An object of ours for the same, made by hand."""
    spec = {**an_hpa(target=target)["spec"], "mode": mode, "forecast": {"enabled": False}}
    return {"metadata": {"namespace": NAMESPACE, "name": name, "generation": 1, **meta}, "spec": spec}


def of(method: str, plural: str) -> Matcher:
    """Return whether a request is of a method and a kind."""
    return lambda request: request.method == method and f"/{plural}" in request.path


@dataclass(slots=True)
class Stage:
    """The cluster, the service and what was said."""

    scene: Scene
    api: FakeApiServer
    connection: Connection
    lines: list[str] = field(default_factory=list)
    alive: bool = True  # whether the service makes its passes
    passing: bool = False  # whether it makes one just now

    @property
    def cluster(self) -> FakeCluster:
        return self.scene.cluster

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def session(self, timeout_s: float = LONG_S, *, dry_run: bool = False) -> Session:
        return Session(self.connection, self.lines.append, timeout_s, POLL_S, dry_run, SETTLE_S)

    async def adopt(self, timeout_s: float = LONG_S, *, dry_run: bool = False, **order: Any) -> None:  # noqa: ANN401 - fields of Order
        await adopt(self.session(timeout_s, dry_run=dry_run), Order(SHOP, **order), spec_of_hpa)

    async def release(
        self,
        timeout_s: float = LONG_S,
        *,
        dry_run: bool = False,
        settle_s: float = SETTLE_S,
        service: Service | None = None,
        **terms: Any,  # noqa: ANN401 - fields of Terms
    ) -> None:
        session = replace(self.session(timeout_s, dry_run=dry_run), settle_s=settle_s)
        await release(session, SHOP, Terms(**terms), service or Service())

    def hpa(self, name: str = "shop") -> Json | None:
        return self.cluster.get(HPAS, NAMESPACE, name)

    def ours(self, name: str = "shop") -> Json | None:
        return self.cluster.get(OURS, NAMESPACE, name)

    def driver(self) -> str:
        """Say who drives now: HPA, ours, or nobody."""
        return drivers(self.hpa(), self.ours())

    async def kill(self) -> None:
        """Let the service die: it ends no pass any more."""
        self.alive = False
        await until(lambda: not self.passing)

    def restart(self) -> None:
        """Let the service begin anew, with nothing in its memory."""
        self.scene.scaling = ScaleLoop(self.scene.context, self.scene.scaling.index, self.scene.forecasts)

    def blind(self) -> None:
        """Let the service see no HPA any more."""
        assert self.scene.hpas
        self.scene.hpas.cluster = FakeCluster()

    def ever_without_driver(self) -> list[str]:
        """Return each state of the history in which nobody drove the shop, from the first state with a driver on."""
        there: dict[str, Json | None] = {HPAS: None, OURS: None}
        begun, bad = False, []
        for change in self.cluster.history:
            if change.plural in there and change.object["metadata"]["name"] == "shop":
                there[change.plural] = None if change.type == "DELETED" else change.object
                driven = drivers(there[HPAS], there[OURS]) != "nobody"
                begun = begun or driven
                if begun and not driven:
                    bad.append(f"{change.version}: {change.type} {change.plural}")
        return bad


def drivers(hpa: Json | None, ours: Json | None) -> str:
    """Say who drives: an HPA wins, and ours needs mode Scale."""
    if hpa is not None:
        return "HPA"
    return "ours" if ours is not None and ours["spec"]["mode"] == "Scale" else "nobody"


@asynccontextmanager
async def a_stage(replicas: int = 2, *, acts: bool = True) -> AsyncIterator[Stage]:
    """A shop of Ready pods at their target of CPU, driven by an HPA, and a service that makes passes all the time."""
    cluster = FakeCluster()
    scene = Scene(settings=Settings(acts=acts), cluster=cluster, hpas=FakeStore(cluster, HPAS))
    scene.put_node()
    scene.deploy(replicas=replicas)
    scene.use_cpu(0.08)
    cluster.put(HPAS, an_hpa(wants=replicas))
    async with FakeApiServer(cluster) as api:
        connection = api.connection()
        stage = Stage(scene, api, connection)
        service = asyncio.create_task(_serve(stage))
        try:
            yield stage
        finally:
            service.cancel()
            with suppress(asyncio.CancelledError):
                await service
            await connection.close()


async def _serve(stage: Stage) -> None:
    while True:
        if stage.alive:
            stage.passing = True
            await stage.scene.scaling.once()
            stage.passing = False
        await asyncio.sleep(POLL_S)


async def does(wanted: Callable[[], object], work: Awaitable[None]) -> None:
    """Run something until a condition holds, then cut it off as Ctrl-C does."""
    task = asyncio.ensure_future(work)
    await until(lambda: wanted() or task.done())
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
