"""A shop that an HPA scales, whose floor an object of ours may raise; and the others who write that HPA."""

from autoscaler.api.floor_standing import NAMES
from autoscaler.clients.ports import Json
from autoscaler.loops.forecast_book import series_of
from autoscaler.loops.observe import parse
from autoscaler.model import Forecast
from tests.builders import a_forecast
from tests.fakes import fields
from tests.fakes.cluster import FakeCluster
from tests.fakes.kube import FakeStore
from tests.unit.loops.scenes import CPU_80, NAMESPACE, Scene

HPAS = "horizontalpodautoscalers"
CORES_PER_POD = 0.080
PASS_S = 15


def a_floored_shop(min_replicas: int | None = 2, *, replicas: int = 2, **spec: object) -> Scene:
    """A shop with an HPA of GitOps (up to 10 replicas, CPU at 80 %), and an object of mode HPAFloor for it."""
    cluster = FakeCluster()
    scene = Scene(cluster=cluster, hpas=FakeStore(cluster, HPAS))
    scene.put_node()
    scene.deploy(replicas=replicas)
    gitops(scene, min_replicas)
    floor(scene, **spec)
    return scene


def floor(scene: Scene, name: str = "shop", *, hpa: str = "shop", age_s: float = 100, **spec: object) -> None:
    """Put an object of mode HPAFloor."""
    ref = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": hpa}
    plain: Json = {"scaleTargetRef": ref, "mode": "HPAFloor", "forecast": {"enabled": True}}
    plain |= {"minReplicas": None, "maxReplicas": None, "metrics": None}
    scene.autoscale(name, age_s=age_s, **{**plain, **spec})


def gitops(scene: Scene, min_replicas: int | None, name: str = "shop", **more: object) -> None:
    """Apply the HPA on the server's side, with force, as Argo CD does."""
    meta: Json = {"namespace": NAMESPACE, "name": name}
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
    spec: Json = {"scaleTargetRef": ref, "maxReplicas": 10, "metrics": [CPU_80], **more}
    if min_replicas is not None:
        spec["minReplicas"] = min_replicas
    live = scene.cluster.get(HPAS, NAMESPACE, name) or {"metadata": meta, "spec": {}}
    applied = fields.applied(live, {"metadata": meta, "spec": spec}, "argocd-controller", force=True)
    assert isinstance(applied, dict)
    scene.cluster.put(HPAS, applied)


def someone_writes(scene: Scene, min_replicas: int, manager: str = "kubectl-edit") -> None:
    """Write minReplicas of the HPA as a person does."""
    live = hpa(scene)
    scene.cluster.put(HPAS, fields.replaced(live, fields.merged(live, {"spec": {"minReplicas": min_replicas}}), manager))


def foresee(scene: Scene, pods: int | None, **fields: object) -> None:
    """Let the forecast need so many pods; None: there is none."""
    made: dict[object, Forecast | None] = {}
    for one in parse(scene.stores.autoscalers.items(), scene.stores.hpas)[0]:
        for series in series_of(one):
            now_s = scene.clock.now_s()
            times = {"issued_s": now_s - 10, "expires_s": now_s + 290}
            made[series] = None if pods is None else a_forecast(pods * CORES_PER_POD, **{**times, **fields})
    scene.forecasts.forecasts = {series: one for series, one in made.items() if one}  # type: ignore[misc]


async def look(scene: Scene, pods: int | None = None, *, passes: int = 1, cores: float = CORES_PER_POD) -> None:
    """Make passes, 15 s apart, with a forecast that needs so many pods and load at the target."""
    for _ in range(passes):
        scene.use_cpu(cores)
        foresee(scene, pods)
        await scene.scaling.once()
        scene.clock.advance(PASS_S)


def hpa(scene: Scene, name: str = "shop") -> Json:
    """Return the HPA as it is."""
    found = scene.cluster.get(HPAS, NAMESPACE, name)
    assert found is not None
    return found


def min_replicas(scene: Scene, name: str = "shop") -> int:
    """Return minReplicas of the HPA."""
    return int(hpa(scene, name)["spec"]["minReplicas"])


def marks(scene: Scene, name: str = "shop") -> list[str]:
    """Return what is left on the HPA of ours: annotations and entries of managedFields."""
    meta = hpa(scene, name)["metadata"]
    notes = [one for one in meta.get("annotations") or {} if one in NAMES or one.startswith("foresail.dev")]
    return notes + [one["manager"] for one in meta.get("managedFields") or () if "foresail" in one["manager"]]


def writes(scene: Scene) -> list[str]:
    """Return the names of all calls that wrote to an HPA."""
    return [call[0] for call in scene.kube.calls if call[0] in {"apply_floor", "forget_floor"}]


def acting(scene: Scene, name: str = "shop") -> tuple[str, str, str]:
    """Return status, reason and message of the condition Acting."""
    conditions = scene.status(name).get("conditions", [])
    one = next(one for one in conditions if one["type"] == "Acting")
    return one["status"], one["reason"], one["message"]


def restarted(scene: Scene) -> Scene:
    """Return the scene with a new service: nothing is left of what the old one had in memory."""
    return Scene(
        settings=scene.settings,
        cluster=scene.cluster,
        clock=scene.clock,
        opened_s=scene.opened_s,
        metrics=scene.metrics,
        hpas=FakeStore(scene.cluster, HPAS),
    )
