"""One target of each kind that can be scaled, and what it takes to run the one that Kubernetes does not know.

Their pods burn CPU while a file is there, and wait while it is not, so that a test moves the load of all of them at once.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from demo.cluster import Cluster, ClusterError
from demo.cluster.api import Api
from demo.stack import APP_IMAGE, as_list

Json = dict[str, Any]
GROUP, PLURAL, FLEET = "harbour.example", "fleets", "Fleet"
KINDS = {"Deployment": "apps/v1", "StatefulSet": "apps/v1", "ReplicaSet": "apps/v1", FLEET: f"{GROUP}/v1"}
QUOTA_CORES, TARGET_PERCENT = 0.02, 60  # small: at the peak twenty of these pods share two cores with a whole cluster
ASKED_PER_POD = 10  # of what `demand` counts
LOOK_S = 0.3
_BURN = """
trap 'exit 0' TERM
while :; do
  if [ -e /load/busy ]; then i=0; while [ $i -lt 1000 ]; do i=$((i+1)); done; else sleep 1; fi
done
"""


def definition() -> Json:
    """Return the definition of a kind with a scale subresource, its selector included."""
    text, count = {"type": "string"}, {"type": "integer", "format": "int32"}
    spec: Json = {"type": "object", "properties": {"replicas": {**count, "minimum": 0}}}
    status: Json = {"type": "object", "properties": {"replicas": count, "selector": text}}
    scale = {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": status}}},
        "subresources": {"status": {}, "scale": scale},
    }
    names = {"plural": PLURAL, "singular": "fleet", "kind": FLEET}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def name_of(kind: str) -> str:
    """Return the name of the target of a kind, which is also that of its autoscaler and the label `app` of its pods."""
    return kind.lower()


def path_of(kind: str, namespace: str) -> str:
    """Return where the API server has the target of a kind."""
    plural = PLURAL if kind == FLEET else f"{kind.lower()}s"
    return f"/apis/{KINDS[kind]}/namespaces/{namespace}/{plural}/{name_of(kind)}"


def target(kind: str, namespace: str, load: Path) -> Json:
    """Return a target with one pod; that of a Fleet is made by whoever steers it."""
    body: Json = {"replicas": 1}
    if kind != FLEET:
        body |= _pods(name_of(kind), load)
    if kind == "StatefulSet":
        body |= {"serviceName": "", "podManagementPolicy": "Parallel"}
    return {"apiVersion": KINDS[kind], "kind": kind, "metadata": {"name": name_of(kind), "namespace": namespace}, "spec": body}


def _pods(name: str, load: Path) -> Json:
    resources = {"cpu": str(QUOTA_CORES), "memory": "32Mi"}
    container = {
        "name": "burner",
        "image": APP_IMAGE,
        "imagePullPolicy": "Never",
        "command": ["sh", "-c", _BURN],
        "resources": {"requests": resources, "limits": resources},
        "securityContext": {"runAsUser": 0},  # the test's folder is the owner's alone
        "volumeMounts": [{"name": "load", "mountPath": "/load", "readOnly": True}],
    }
    spec = {
        "containers": [container],
        "volumes": [{"name": "load", "hostPath": {"path": str(load), "type": "Directory"}}],
        "terminationGracePeriodSeconds": 2,
        "automountServiceAccountToken": False,
    }
    labels = {"app": name}
    return {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}}


def autoscaler(kind: str, namespace: str, most: int, query: str = "") -> Json:
    """Return what scales the target of a kind by CPU, and by a query where one is given."""
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": TARGET_PERCENT}}
    metrics: list[Json] = [{"type": "Resource", "resource": cpu}]
    if query:
        asked = {"type": "AverageValue", "averageValue": str(ASKED_PER_POD)}
        metrics.append({"type": "Prometheus", "prometheus": {"query": query, "target": asked}})
    name = name_of(kind)
    return {
        "apiVersion": "foresail.dev/v1alpha1",
        "kind": "PredictiveAutoscaler",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "mode": "Scale",
            "scaleTargetRef": {"apiVersion": KINDS[kind], "kind": kind, "name": name},
            "minReplicas": 1,
            "maxReplicas": most,
            "metrics": metrics,
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
            "forecast": {"enabled": False},
        },
    }


@dataclass(slots=True)
class Steersman:
    """The controller of the Fleets: a ReplicaSet of each has as many pods as the Fleet wants, and the Fleet says so.

    As a context manager it works in a thread of its own; at the end it raises what went wrong there.
    """

    cluster: Cluster
    namespaces: Sequence[str]
    load: Path
    _over: threading.Event = field(default_factory=threading.Event)
    _failure: list[Exception] = field(default_factory=list)
    _thread: threading.Thread = field(init=False)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="steersman")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self._failure:
            raise self._failure[0]

    def _run(self) -> None:
        api = Api(self.cluster.state.api_port, self.cluster.layout.pki)
        while not self._over.wait(LOOK_S):
            for namespace in self.namespaces:
                try:
                    self._steer(api, namespace)
                except (ClusterError, OSError) as error:
                    self._failure.append(error)
                    return

    def _steer(self, api: Api, namespace: str) -> None:
        fleet = api.object(path_of(FLEET, namespace))
        if fleet is None:
            return
        wanted = fleet["spec"].get("replicas", 1)
        path = f"/apis/apps/v1/namespaces/{namespace}/replicasets/{name_of(FLEET)}"
        crew = api.object(path)
        if crew is None:
            self.cluster.apply(as_list([self._crew(fleet, namespace, wanted)]))
            return
        if crew["spec"]["replicas"] != wanted:
            api.merge(path, {"spec": {"replicas": wanted}})
        status = {"replicas": crew["status"].get("replicas", 0), "selector": f"app={name_of(FLEET)}"}
        if fleet.get("status") != status:
            api.merge(f"{path_of(FLEET, namespace)}/status", {"status": status})

    def _crew(self, fleet: Json, namespace: str, replicas: int) -> Json:
        meta = fleet["metadata"]
        owner = {"apiVersion": KINDS[FLEET], "kind": FLEET, "name": meta["name"], "uid": meta["uid"], "controller": True}
        return {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {"name": meta["name"], "namespace": namespace, "ownerReferences": [owner]},
            "spec": {"replicas": replicas, **_pods(meta["name"], self.load)},
        }
