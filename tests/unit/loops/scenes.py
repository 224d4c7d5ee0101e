"""A small pretended cluster with a shop in it, and the loops that serve it; all in memory, with a clock moved by hand."""

from dataclasses import dataclass, field

from autoscaler.board import Board
from autoscaler.clients.calendars.folder import CalendarFolder
from autoscaler.clients.ports import Json, Sample
from autoscaler.clock import ManualClock
from autoscaler.loops.context import Context, Stores
from autoscaler.loops.forecast import ForecastLoop
from autoscaler.loops.forecast_book import ForecastBook
from autoscaler.loops.heal import HealLoop
from autoscaler.loops.keeper import Keeper
from autoscaler.loops.learn import LearnLoop
from autoscaler.loops.pods import PodIndex
from autoscaler.loops.scale import ScaleLoop
from autoscaler.loops.status import find, timestamp
from autoscaler.settings import Settings
from tests.fakes.cluster import FakeCluster
from tests.fakes.kube import FakeKube, FakeStore
from tests.fakes.notifier import FakeNotifier
from tests.fakes.prometheus import FakeMetrics
from tests.fakes.saved import FakeSaved
from tests.fakes.workers import FakeWorkers

NOW_S = 1_800_000_000.0
NAMESPACE = "default"
BROKEN = "shop-abc-9"
QUERY = "sum(rate(requests_total[1m]))"
CPU_80 = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
PER_POD_10 = {"type": "Prometheus", "prometheus": {"query": QUERY, "target": {"type": "AverageValue", "averageValue": "10"}}}


@dataclass(slots=True)
class Scene:
    """Everything that a test of a loop touches."""

    settings: Settings = field(default_factory=Settings)
    cluster: FakeCluster = field(default_factory=FakeCluster)
    metrics: FakeMetrics = field(default_factory=FakeMetrics)
    notifier: FakeNotifier = field(default_factory=FakeNotifier)
    workers: FakeWorkers = field(default_factory=FakeWorkers)
    saved: FakeSaved = field(default_factory=FakeSaved)
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW_S))
    board: Board = field(default_factory=Board)
    leading: bool = True
    opened_s: float = NOW_S  # the scene's own beginning, from which ages are counted
    hpas: FakeStore | None = None
    scaled_objects: FakeStore | None = None
    kube: FakeKube = field(init=False)
    stores: Stores = field(init=False)
    context: Context = field(init=False)
    forecasts: ForecastBook = field(default_factory=ForecastBook)
    scaling: ScaleLoop = field(init=False)
    forecasting: ForecastLoop = field(init=False)
    learning: LearnLoop = field(init=False)
    healing: HealLoop = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin anew, as a process that has just started: only the cluster, and what was saved, is as it was."""
        self.kube = FakeKube(self.cluster)
        kinds = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}
        self.stores = Stores(
            autoscalers=FakeStore(self.cluster, "predictiveautoscalers"),
            policies=FakeStore(self.cluster, "healingpolicies"),
            pods=FakeStore(self.cluster, "pods"),
            replica_sets=FakeStore(self.cluster, "replicasets"),
            nodes=FakeStore(self.cluster, "nodes"),
            workloads={kind: FakeStore(self.cluster, plural) for kind, plural in kinds.items()},
            hpas=self.hpas,
            scaled_objects=self.scaled_objects,
        )
        self.context = Context(
            kube=self.kube,
            metrics=self.metrics,
            notifier=self.notifier,
            stores=self.stores,
            clock=self.clock,
            settings=self.settings,
            board=self.board,
            leads=lambda: self.leading,
            calendars=CalendarFolder(self.settings.scaling.calendar_folder),
            workers=self.workers,
            saved=self.saved,
        )
        index = PodIndex(self.stores.pods, self.stores.replica_sets)
        self.scaling = ScaleLoop(self.context, index, self.forecasts)
        keeper = Keeper.of(self.settings.forecast)
        self.forecasting = ForecastLoop(self.context, index, self.forecasts, keeper)
        self.learning = LearnLoop(self.context, keeper)
        self.healing = HealLoop(self.context, index)

    def deploy(self, name: str = "shop", replicas: int = 2) -> None:
        """Put a Deployment, its ReplicaSet and as many Ready pods with 100m CPU requested; pods beyond them go."""
        labels = {"app": name}
        before = self.cluster.get("deployments", NAMESPACE, name)
        generation = 1 if before is None else before["metadata"]["generation"]
        deployment = self.cluster.put(
            "deployments",
            {
                "metadata": {"namespace": NAMESPACE, "name": name, "generation": generation},
                "spec": {"replicas": replicas, "selector": {"matchLabels": labels}},
                "status": {
                    "replicas": replicas,
                    "readyReplicas": replicas,
                    "updatedReplicas": replicas,
                    "observedGeneration": generation,
                },
            },
        )
        owner = _owner("Deployment", deployment)
        meta = {"namespace": NAMESPACE, "name": f"{name}-abc", "ownerReferences": [owner]}
        replica_set = self.cluster.put("replicasets", {"metadata": meta})
        for pod in self.cluster.list("pods"):
            if pod["metadata"]["labels"] == labels:
                self.cluster.delete("pods", NAMESPACE, pod["metadata"]["name"])
        for index in range(replicas):
            self.put_pod(f"{name}-abc-{index}", labels, _owner("ReplicaSet", replica_set))

    def put_pod(self, name: str, labels: Json, owner: Json, *, unready_s: float | None = None) -> None:
        """Put one pod that started an hour before the scene; Ready after 40 s, or unready since so many seconds."""
        changed_s = self.opened_s - (3500 if unready_s is None else unready_s)
        condition = {"type": "Ready", "status": str(unready_s is None), "lastTransitionTime": timestamp(changed_s)}
        resources = {"requests": {"cpu": "100m"}}
        born = timestamp(self.opened_s - 3540)
        self.cluster.put(
            "pods",
            {
                "metadata": {
                    "namespace": NAMESPACE,
                    "name": name,
                    "labels": labels,
                    "ownerReferences": [owner],
                    "creationTimestamp": born,
                },
                "spec": {"nodeName": "one", "containers": [{"name": "app", "resources": resources}]},
                "status": {"phase": "Running", "startTime": born, "conditions": [condition]},
            },
        )

    def put_node(self, name: str = "one", *, ready: bool = True) -> None:
        """Put a node."""
        conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
        self.cluster.put("nodes", {"metadata": {"name": name}, "status": {"conditions": conditions}})

    def autoscale(self, name: str = "shop", *, target: str | None = None, age_s: float = 100, **spec: object) -> None:
        """Put a PredictiveAutoscaler: mode Scale, 1 to 10 replicas, CPU at 80 %, no forecast, unless said otherwise."""
        before = self.cluster.get("predictiveautoscalers", NAMESPACE, name)
        plain = {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target or name},
            "mode": "Scale",
            "minReplicas": 1,
            "maxReplicas": 10,
            "metrics": [CPU_80],
            "forecast": {"enabled": False},
        }
        wanted = {key: value for key, value in {**plain, **spec}.items() if value is not None}
        meta = {
            "namespace": NAMESPACE,
            "name": name,
            "generation": before["metadata"]["generation"] + 1 if before else 1,
            "creationTimestamp": timestamp(self.opened_s - age_s),
        }
        self.cluster.put("predictiveautoscalers", {**(before or {}), "metadata": meta, "spec": wanted})

    def break_one(self, *, unready_s: float = 100) -> None:
        """Let the last of three pods of the shop be unready, counted by its Deployment."""
        pod = self.cluster.get("pods", NAMESPACE, "shop-abc-2")
        deployment = self.cluster.get("deployments", NAMESPACE, "shop")
        assert pod is not None
        assert deployment is not None
        self.cluster.delete("pods", NAMESPACE, "shop-abc-2")
        self.put_pod(BROKEN, {"app": "shop"}, pod["metadata"]["ownerReferences"][0], unready_s=unready_s)
        deployment["status"]["readyReplicas"] = 2
        self.cluster.put("deployments", deployment)

    def heal(self, name: str = "shop", **spec: object) -> None:
        """Put a HealingPolicy for the shop that tolerates 60 s of being unready."""
        plain = {
            "mode": "Heal",
            "selector": {"matchLabels": {"app": "shop"}},
            "faults": {"notReady": {"forSeconds": 60}},
        }
        before = self.cluster.get("healingpolicies", NAMESPACE, name)
        generation = before["metadata"]["generation"] + 1 if before else 1
        meta = {"namespace": NAMESPACE, "name": name, "generation": generation}
        self.cluster.put("healingpolicies", {**(before or {}), "metadata": meta, "spec": {**plain, **spec}})

    def use_cpu(self, cores_per_pod: float, name: str = "shop", *, age_s: float = 5.0) -> None:
        """Let every pod of a workload use so much CPU."""
        for pod in self.cluster.list("pods"):
            if pod["metadata"]["labels"] == {"app": name}:
                self.metrics.set_usage(
                    "cpu", NAMESPACE, pod["metadata"]["name"], "app", value=cores_per_pod, at_s=self.clock.now_s() - age_s
                )

    def answer(self, value: float, query: str = QUERY) -> None:
        """Let a query answer with one value of this moment."""
        self.metrics.answers[query] = [Sample({}, self.clock.now_s(), value)]

    def replicas(self, name: str = "shop") -> int:
        """Return `spec.replicas` of a Deployment."""
        found = self.cluster.get("deployments", NAMESPACE, name)
        assert found is not None
        return int(found["spec"]["replicas"])

    def status(self, name: str = "shop", plural: str = "predictiveautoscalers") -> Json:
        """Return the status of an object of ours."""
        found = self.cluster.get(plural, NAMESPACE, name)
        assert found is not None
        return dict(found.get("status", {}))

    def condition(self, kind: str, name: str = "shop", plural: str = "predictiveautoscalers") -> tuple[str, str]:
        """Return status and reason of a condition; both empty when there is none."""
        found = find(self.status(name, plural), kind)
        return found.get("status", ""), found.get("reason", "")

    def reasons(self, kind: str = "") -> list[str]:
        """Return the reasons of all Events, or of those that regard one kind."""
        return [event.reason for event in self.kube.events if not kind or event.regarding["kind"] == kind]


def a_shop(replicas: int = 2, **spec: object) -> Scene:
    """A shop of Ready pods that is autoscaled."""
    scene = Scene()
    scene.put_node()
    scene.deploy(replicas=replicas)
    scene.autoscale(**spec)
    return scene


def restart(scene: Scene) -> None:
    """Let another process serve the same cluster."""
    scene.scaling = ScaleLoop(scene.context, PodIndex(scene.stores.pods, scene.stores.replica_sets), scene.forecasts)


async def passes(scene: Scene, times: int, *, cores: float | None) -> None:
    """Pass so many times, one each 15 s, with a load or with none known."""
    for _ in range(times):
        scene.clock.advance(15)
        scene.metrics.usage.clear()
        if cores is not None:
            scene.use_cpu(cores)
        await scene.scaling.once()


def _owner(kind: str, obj: Json) -> Json:
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "name": obj["metadata"]["name"],
        "uid": obj["metadata"]["uid"],
        "controller": True,
    }
