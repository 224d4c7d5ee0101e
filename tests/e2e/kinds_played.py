"""The scenario of the kinds of targets while it is played: what moves the load, and what comes of it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoscaler.clients.queries import Source, container_usage
from demo.cluster import Cluster
from demo.cluster.api import Api
from demo.prometheus import Prometheus
from tests.e2e.kinds import KINDS, name_of, path_of

Json = dict[str, Any]
EXPORTER, KUBELET = "kinds-exporter", "kinds-kubelet"  # namespaces, each with a release and its targets
KUBELET_WINDOW_S = 60  # of rates: the kubelet looks at a container every 10 to 30 s
RECORDS = ("workload:container_cpu_usage_seconds:sum_rate2m", "workload:container_memory_working_set_bytes:sum")


@dataclass(frozen=True, slots=True)
class Count:
    """What a target wants, and how many pods are Ready."""

    wanted: int
    ready: int


@dataclass(slots=True)
class Played:
    """What the scenario left behind: for each namespace the counts of each kind at the end of each step."""

    cluster: Cluster
    load: Path
    prometheus: Prometheus
    steps: dict[str, dict[str, list[Count]]] = field(default_factory=lambda: {EXPORTER: {}, KUBELET: {}})
    took_s: dict[str, float] = field(default_factory=dict)
    first: set[str] = field(default_factory=set)  # pods of the kubelet's release, one of which is restarted
    workloads: dict[str, dict[str, float]] = field(default_factory=dict)  # name -> record -> value while busy
    usage: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)  # job -> resource -> pod -> while busy

    @property
    def api(self) -> Api:
        """The API server."""
        return Api(self.cluster.state.api_port, self.cluster.layout.pki)

    def ask(self, demand: int) -> None:
        """Say what is asked of the targets; Prometheus scrapes it."""
        write_page(self.load, "demand", f"demand {demand}")

    def tell_owners(self) -> None:
        """Say of the kubelet's release what kube-state-metrics, which does not run here, would say of who owns what."""
        lines = []
        for label, path in {"pod": "/api/v1", "replicaset": "/apis/apps/v1"}.items():
            for obj in (self.api.object(f"{path}/namespaces/{KUBELET}/{label}s") or {"items": []})["items"]:
                meta = obj["metadata"]
                owner = next(iter(meta.get("ownerReferences", [])), {"kind": "", "name": ""})
                of = f'namespace="{KUBELET}",{label}="{meta["name"]}",owner_is_controller="{"true" if owner["kind"] else ""}"'
                lines.append(f'kube_{label}_owner{{{of},owner_kind="{owner["kind"]}",owner_name="{owner["name"]}"}} 1')
        write_page(self.load, "owners", *lines)

    def of_workloads(self) -> dict[str, dict[str, float]]:
        """Return what the rules of the chart record of each workload of the kubelet's release, once it is all of them."""
        found: dict[str, dict[str, float]] = {}
        for record in RECORDS:
            for one in self.prometheus.query(f'{record}{{namespace="{KUBELET}"}}'):
                workload = f"{one['metric']['workload_kind']}/{one['metric']['workload']}"
                found.setdefault(workload, {})[record] = float(one["value"][1])
        wanted = {f"{kind}/{name_of(kind)}" for kind in KINDS}
        return found if wanted <= {name for name, values in found.items() if len(values) == len(RECORDS)} else {}

    def burn(self, *, busy: bool) -> None:
        """Let all pods of all targets burn CPU, or none."""
        file = self.load / "busy"
        if busy:
            file.touch()
        else:
            file.unlink()

    def counts(self, namespace: str) -> dict[str, Count]:
        """Return how the targets of a namespace stand, by kind."""
        pods = (self.api.object(f"/api/v1/namespaces/{namespace}/pods") or {}).get("items", [])
        found = {}
        for kind in KINDS:
            mine = [pod for pod in pods if pod["metadata"].get("labels", {}).get("app") == name_of(kind)]
            wanted = (self.api.object(path_of(kind, namespace)) or {"spec": {}})["spec"].get("replicas", -1)
            found[kind] = Count(wanted, sum(map(is_ready, mine)))
        return found

    def used(self, resource: str, job: str) -> dict[str, float]:
        """Return what the pods of the kubelet's release use, by the query of the service."""
        answer = self.prometheus.query(container_usage(resource, Source(job, KUBELET_WINDOW_S)))
        targets = (one for one in answer if (one["metric"]["namespace"], one["metric"]["container"]) == (KUBELET, "burner"))
        return {one["metric"]["pod"]: float(one["value"][1]) for one in targets}

    def told_of_all(self) -> set[str]:
        """Return the names of the first pods of the kubelet's release once it tells of all of them, else none."""
        found = self.used("memory", "kubelet")
        return {*found} if len(found) == len(KINDS) else set()

    def restart_one(self) -> None:
        """End the container of a pod, which then has another one."""
        namespace, label = ("-n", KUBELET), f"app={name_of('StatefulSet')}"
        pod = self.cluster.kubectl("get", "pods", *namespace, "-l", label, "-o", "name").strip()
        self.cluster.kubectl("exec", *namespace, pod, "--", "sh", "-c", "kill 1")

        def restarted() -> bool:
            text = self.cluster.kubectl("get", *namespace, pod, "-o", "jsonpath={.status.containerStatuses[0].restartCount}")
            return int(text) > 0

        self.cluster.wait(restarted, 60.0, f"the container of {pod} to be restarted")

    def reach(self, step: str, wanted: Mapping[str, int], deadline_s: float) -> None:
        """Wait until all targets have so many replicas, or the time is over; keep how they stand then."""
        begin_s = time.monotonic()
        missing = dict(wanted)
        while True:
            counts = {namespace: self.counts(namespace) for namespace in missing}
            is_late = time.monotonic() > begin_s + deadline_s
            for namespace, found in counts.items():
                there = all(count == Count(wanted[namespace], wanted[namespace]) for count in found.values())
                if there or is_late:
                    del missing[namespace]
                    self.took_s[f"{step} {namespace}"] = time.monotonic() - begin_s
                    for kind, count in found.items():
                        self.steps[namespace].setdefault(kind, []).append(count)
            if not missing:
                return
            self.cluster.check_components()
            time.sleep(0.5)


def is_ready(pod: Json) -> bool:
    """Say whether a pod is Ready and stays."""
    conditions = pod["status"].get("conditions", [])
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def write_page(folder: Path, name: str, *lines: str) -> None:
    """Write a page that Prometheus scrapes; whole, or not at all."""
    fresh = folder / f"{name}.fresh"
    fresh.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    fresh.rename(folder / f"{name}.txt")
