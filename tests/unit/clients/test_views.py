"""From the API's JSON to what decisions are made from."""

from collections.abc import Callable
from typing import Any

import pytest

from autoscaler.clients.kube.resources import (
    DEPLOYMENTS,
    NODES,
    PODS,
    trim_metadata,
    trim_node,
    trim_pod,
    trim_replica_set,
    trim_workload,
)
from autoscaler.clients.kube.views import lead_samples, node_ready, pod_view, workload_view
from autoscaler.clients.timestamps import micro_time, seconds
from autoscaler.model import PodPhase, WorkloadKey
from tests.fakes.cluster import FakeCluster
from tests.fakes.kube import FakeStore

Json = dict[str, Any]
CREATED_S = 1_767_225_600.0


def an_owner(kind: str, name: str, uid: str = "owner", *, controller: bool = True) -> Json:
    return {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": controller}


def a_pod(*owners: Json, **parts: Json) -> Json:
    meta = {
        "namespace": "shop",
        "name": "web-5d4f-x",
        "uid": "u1",
        "resourceVersion": "7",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"app": "web"},
        "annotations": {"foresail.dev/heal": "false"},
        "managedFields": [{"manager": "kubelet"}],
        **({"ownerReferences": list(owners)} if owners else {}),
        **parts.get("metadata", {}),
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": parts.get("spec", {}),
        "status": parts.get("status", {}),
    }


def conditions(**by_type: tuple[str, str]) -> Json:
    return {
        "conditions": [{"type": kind, "status": status, "lastTransitionTime": at} for kind, (status, at) in by_type.items()]
    }


@pytest.fixture
def replica_sets() -> FakeStore:
    cluster = FakeCluster()
    meta = {"namespace": "shop", "name": "web-5d4f", "uid": "rs", "ownerReferences": [an_owner("Deployment", "web")]}
    cluster.put("replicasets", {"metadata": meta})
    cluster.put("replicasets", {"metadata": {"namespace": "shop", "name": "alone", "uid": "rs2"}})
    return FakeStore(cluster, "replicasets")


FULL_POD = a_pod(
    an_owner("ReplicaSet", "web-5d4f", "rs"),
    spec={
        "nodeName": "n1",
        "priorityClassName": "high",
        "containers": [
            {"name": "app", "image": "x", "env": [], "resources": {"requests": {"cpu": "50m", "memory": "1Gi"}, "limits": {}}},
            {"name": "bare"},
        ],
        "initContainers": [
            {"name": "proxy", "restartPolicy": "Always", "resources": {"requests": {"cpu": "0.1"}}},
            {"name": "setup", "resources": {"requests": {"cpu": "4"}}},
        ],
        "volumes": [{"name": "big"}],
    },
    status={
        "phase": "Running",
        "startTime": "2026-01-01T00:00:01Z",
        "containerStatuses": [{"name": "app", "restartCount": 2, "image": "x"}],
        "initContainerStatuses": [{"name": "proxy", "restartCount": 1}],
        **conditions(Ready=("True", "2026-01-01T00:00:25Z"), PodScheduled=("True", "2026-01-01T00:00:00Z")),
    },
)


@pytest.mark.parametrize("trim", [lambda obj: obj, trim_pod], ids=["whole", "trimmed"])
def test_a_pod_is_read_the_same_whole_and_trimmed(trim: Callable[[Json], Json], replica_sets: FakeStore) -> None:
    pod = pod_view(trim(FULL_POD), replica_sets)
    assert (pod.namespace, pod.name, pod.uid, pod.phase) == ("shop", "web-5d4f-x", "u1", PodPhase.RUNNING)
    assert (pod.created_s, pod.start_s) == (CREATED_S, CREATED_S + 1)
    assert (pod.ready, pod.ready_changed_s) == (True, CREATED_S + 25)
    assert (pod.labels, pod.annotations) == ({"app": "web"}, {"foresail.dev/heal": "false"})
    assert (pod.node, pod.priority_class, pod.restarts) == ("n1", "high", 3)
    assert (pod.deleting, pod.mirror, pod.disruption_target) == (False, False, False)
    assert pod.workload == WorkloadKey("shop", "Deployment", "web")


def test_requests_are_of_containers_and_sidecars_but_not_of_what_runs_only_at_the_start(replica_sets: FakeStore) -> None:
    pod = pod_view(FULL_POD, replica_sets)
    assert pod.requests_milli == {"app": {"cpu": 50, "memory": 1_073_741_824_000}, "bare": {}, "proxy": {"cpu": 100}}
    assert pod.pod_requests_milli is None


def test_requests_of_the_pod_as_a_whole_are_kept_beside_those_of_its_containers(replica_sets: FakeStore) -> None:
    pod = a_pod(spec={"resources": {"requests": {"cpu": "2"}}, "containers": [{"name": "app"}]})
    assert pod_view(trim_pod(pod), replica_sets).pod_requests_milli == {"cpu": 2000}


def test_what_a_pod_does_not_ask_for_as_a_whole_its_containers_ask_for_and_the_overhead_is_added(
    replica_sets: FakeStore,
) -> None:
    """The memory: 10 and 30 of what runs (the sidecar is one of them), 70 of what runs at the start beside the sidecar."""
    spec = {
        "resources": {"requests": {"cpu": "2", "ephemeral-storage": "1"}},
        "containers": [{"name": "app", "resources": {"requests": {"cpu": "500m", "memory": "10"}}}],
        "initContainers": [
            {"name": "proxy", "restartPolicy": "Always", "resources": {"requests": {"memory": "30"}}},
            {"name": "migrate", "resources": {"requests": {"memory": "40"}}},
        ],
        "overhead": {"cpu": "50m", "memory": "5"},
    }
    assert pod_view(trim_pod(a_pod(spec=spec)), replica_sets).pod_requests_milli == {"cpu": 2050, "memory": 75_000}


def test_only_cpu_memory_and_huge_pages_make_requests_of_a_pod_as_a_whole(replica_sets: FakeStore) -> None:
    spec = {"resources": {"requests": {"ephemeral-storage": "1"}}, "containers": [{"name": "app"}]}
    assert pod_view(trim_pod(a_pod(spec=spec)), replica_sets).pod_requests_milli is None


@pytest.mark.parametrize(
    ("status", "ready", "unknown"), [("True", True, False), ("False", False, False), ("Unknown", False, True)]
)
def test_a_readiness_that_is_unknown_is_neither(
    replica_sets: FakeStore,
    status: str,
    ready: bool,  # noqa: FBT001
    unknown: bool,  # noqa: FBT001
) -> None:
    pod = pod_view(a_pod(status={"conditions": [{"type": "Ready", "status": status}]}), replica_sets)
    assert (pod.ready, pod.readiness_unknown) == (ready, unknown)


def test_a_pod_that_has_just_been_made_has_no_readiness_yet(replica_sets: FakeStore) -> None:
    pod = pod_view(a_pod(status={"phase": "Pending"}), replica_sets)
    assert (pod.ready, pod.ready_changed_s, pod.start_s, pod.node) == (None, None, None, None)


def test_an_unknown_readiness_is_not_ready(replica_sets: FakeStore) -> None:
    assert pod_view(a_pod(status=conditions(Ready=("Unknown", "2026-01-01T00:00:25Z"))), replica_sets).ready is False


@pytest.mark.parametrize(
    ("phase", "expected"), [(None, PodPhase.PENDING), ("Odd", PodPhase.UNKNOWN), ("Failed", PodPhase.FAILED)]
)
def test_the_phase_is_one_of_five(phase: str | None, expected: PodPhase, replica_sets: FakeStore) -> None:
    assert pod_view(a_pod(status={"phase": phase} if phase else {}), replica_sets).phase is expected


@pytest.mark.parametrize(
    ("owners", "expected"),
    [
        ((), None),
        ((an_owner("ReplicaSet", "web-5d4f", "rs"),), WorkloadKey("shop", "Deployment", "web")),
        ((an_owner("ReplicaSet", "alone", "rs2"),), WorkloadKey("shop", "ReplicaSet", "alone")),
        ((an_owner("ReplicaSet", "not-known-yet", "rs3"),), None),
        ((an_owner("ReplicaSet", "web-5d4f", "an older one of that name"),), None),
        ((an_owner("StatefulSet", "db"),), WorkloadKey("shop", "StatefulSet", "db")),
        ((an_owner("Job", "once"),), WorkloadKey("shop", "Job", "once")),
        ((an_owner("Node", "n1"),), None),
        ((an_owner("Other", "x", controller=False), an_owner("DaemonSet", "log")), WorkloadKey("shop", "DaemonSet", "log")),
        ((an_owner("Other", "x", controller=False),), None),
    ],
)
def test_the_workload_is_the_top_level_owner(owners: tuple[Json, ...], expected: object, replica_sets: FakeStore) -> None:
    assert pod_view(trim_pod(a_pod(*owners)), replica_sets).workload == expected


def test_signs_that_a_pod_is_on_its_way_out_or_not_the_apis_own_are_seen(replica_sets: FakeStore) -> None:
    pod = a_pod(
        metadata={
            "deletionTimestamp": "2026-01-01T00:01:00Z",
            "annotations": {"kubernetes.io/config.mirror": "hash"},
        },
        status=conditions(DisruptionTarget=("True", "2026-01-01T00:00:25Z")),
    )
    view = pod_view(trim_pod(pod), replica_sets)
    assert (view.deleting, view.mirror, view.disruption_target) == (True, True, True)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (conditions(Ready=("True", "2026-01-01T00:00:25Z")), (25.0,)),
        (conditions(Ready=("False", "2026-01-01T00:00:25Z")), ()),
        (conditions(Ready=("True", "2025-12-31T23:59:59Z")), (0.0,)),
        ({}, ()),
        (
            {**conditions(Ready=("True", "2026-01-01T00:00:25Z")), "containerStatuses": [{"name": "app", "restartCount": 1}]},
            (),
        ),
    ],
)
def test_the_lead_time_is_learnt_from_pods_that_became_ready_once(
    status: Json, expected: tuple[float, ...], replica_sets: FakeStore
) -> None:
    assert lead_samples(pod_view(a_pod(status=status), replica_sets)) == expected


def a_workload(kind: str, spec: Json, status: Json, generation: int = 3) -> Json:
    meta = {"namespace": "shop", "name": "web", "generation": generation}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": meta,
        "spec": spec,
        "status": {"observedGeneration": 3, **status},
    }


@pytest.mark.parametrize(
    ("obj", "replicas", "ready", "rolling"),
    [
        (a_workload("Deployment", {"replicas": 3}, {"replicas": 3, "updatedReplicas": 3, "readyReplicas": 2}), 3, 2, False),
        (a_workload("Deployment", {"replicas": 3}, {"replicas": 4, "updatedReplicas": 1, "readyReplicas": 3}), 3, 3, True),
        (a_workload("Deployment", {"replicas": 9}, {"replicas": 3, "updatedReplicas": 3, "readyReplicas": 3}), 9, 3, False),
        (a_workload("Deployment", {}, {"replicas": 1, "updatedReplicas": 1}), 1, 0, False),
        (a_workload("Deployment", {"replicas": 0}, {}), 0, 0, False),
        (a_workload("Deployment", {"replicas": 3}, {"replicas": 3, "updatedReplicas": 3}, generation=4), 3, 0, True),
        (a_workload("StatefulSet", {"replicas": 3}, {"updateRevision": "b", "currentRevision": "a"}), 3, 0, True),
        (a_workload("StatefulSet", {"replicas": 3}, {"updateRevision": "a", "currentRevision": "a"}), 3, 0, False),
        (
            a_workload(
                "StatefulSet",
                {"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}},
                {"replicas": 3, "updatedReplicas": 1, "updateRevision": "b", "currentRevision": "a"},
            ),
            3,
            0,
            False,
        ),
        (
            a_workload(
                "StatefulSet",
                {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 1}}},
                {"replicas": 3, "updatedReplicas": 1, "updateRevision": "b", "currentRevision": "a"},
            ),
            3,
            0,
            True,
        ),
        (
            a_workload(
                "StatefulSet",
                {"updateStrategy": {"type": "OnDelete"}},
                {"updateRevision": "b", "currentRevision": "a"},
            ),
            1,
            0,
            False,
        ),
        (
            a_workload(
                "DaemonSet",
                {},
                {"desiredNumberScheduled": 3, "currentNumberScheduled": 3, "updatedNumberScheduled": 1, "numberReady": 2},
            ),
            3,
            2,
            True,
        ),
    ],
)
def test_a_workload_tells_what_it_wants_has_and_whether_a_roll_out_is_under_way(
    obj: Json,
    replicas: int,
    ready: int,
    rolling: bool,  # noqa: FBT001 - a column of the table
) -> None:
    view = workload_view(trim_workload(obj))
    assert view.key == WorkloadKey("shop", obj["kind"], "web")
    assert (view.replicas, view.ready, view.rolling_out) == (replicas, ready, rolling)


@pytest.mark.parametrize(("status", "expected"), [("True", True), ("False", False), ("Unknown", False)])
def test_a_node_is_ready_only_when_it_says_so(status: str, expected: bool) -> None:  # noqa: FBT001 - a column of the table
    node = {"metadata": {"name": "n1"}, "status": {**conditions(Ready=(status, "")), "images": ["big"]}}
    assert node_ready(trim_node(node)) is expected
    assert "images" not in trim_node(node)["status"]


def test_a_node_that_says_nothing_is_not_ready() -> None:
    assert not node_ready({"metadata": {"name": "n1"}})


def test_trimming_leaves_the_input_as_it_was() -> None:
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"}
    obj = {"metadata": {"name": "x", "managedFields": [], "annotations": annotations}, "spec": {"a": 1}}
    trimmed = trim_metadata(obj)
    assert trimmed == {"metadata": {"name": "x", "annotations": {"a": "b"}}, "spec": {"a": 1}}
    assert "managedFields" in obj["metadata"]
    assert len(annotations) == 2


def test_of_a_replica_set_only_its_owner_is_kept() -> None:
    meta = {"namespace": "shop", "name": "web-5d4f", "uid": "rs", "ownerReferences": [an_owner("Deployment", "web")]}
    assert trim_replica_set({"metadata": {**meta, "annotations": {"a": "b"}}, "spec": {"template": {}}}) == {"metadata": meta}


def test_of_a_workload_everything_but_the_template_is_kept() -> None:
    obj = a_workload("Deployment", {"replicas": 3, "template": {}, "selector": {"matchLabels": {"a": "b"}}}, {"replicas": 3})
    assert trim_workload(obj)["spec"] == {"replicas": 3, "selector": {"matchLabels": {"a": "b"}}}


@pytest.mark.parametrize(
    ("condition", "since_s", "why"),
    [
        ({"status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}, CREATED_S + 1, "0/1 nodes"),
        ({"status": "False", "reason": "Unschedulable", "message": "x" * 5000}, CREATED_S + 1, "x" * 300),
        ({"status": "False", "reason": "SchedulingGated", "message": "waits for its gate"}, None, ""),
        ({"status": "True"}, None, ""),
    ],
)
def test_of_a_pod_without_a_node_the_schedulers_words_are_kept_but_not_all(
    condition: dict[str, str], since_s: float | None, why: str, replica_sets: FakeStore
) -> None:
    told = {"type": "PodScheduled", "lastTransitionTime": "2026-01-01T00:00:01Z", **condition}
    view = pod_view(trim_pod(a_pod(status={"conditions": [told]})), replica_sets)
    assert (view.unschedulable_since_s, view.unschedulable_why) == (since_s, why)


def test_of_managed_fields_only_who_owns_the_replicas_is_kept() -> None:
    obj = a_workload("Deployment", {"replicas": 3}, {})
    owns = {"f:spec": {"f:replicas": {}, "f:template": {"f:spec": {}}}}
    named = {"manager": "kubectl", "operation": "Apply", "time": "2026-11-21T10:00:00Z"}
    obj["metadata"]["managedFields"] = [
        {**named, "apiVersion": "apps/v1", "fieldsType": "FieldsV1", "fieldsV1": owns},
        {"manager": "kube-controller-manager", "fieldsV1": {"f:status": {"f:replicas": {}}}},
        {"manager": "odd"},
    ]
    assert trim_workload(obj)["metadata"]["managedFields"] == [{**named, "fieldsV1": {"f:spec": {"f:replicas": {}}}}]


def test_paths_are_those_of_the_api() -> None:
    assert PODS.path("shop", "web-1", "eviction") == "/api/v1/namespaces/shop/pods/web-1/eviction"
    assert DEPLOYMENTS.path() == "/apis/apps/v1/deployments"
    assert NODES.path("shop", "n/1") == "/api/v1/nodes/n%2F1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01T00:00:00Z", CREATED_S),
        ("2026-01-01T00:00:00.250000Z", CREATED_S + 0.25),
        ("2026-01-01T02:00:00+02:00", CREATED_S),
        ("", None),
        (None, None),
        ("yesterday", None),
    ],
)
def test_times_are_read_in_every_form_of_the_api(text: str | None, expected: float | None) -> None:
    assert seconds(text) == expected


def test_micro_times_are_in_utc_whatever_the_zone_of_the_machine() -> None:
    assert micro_time(CREATED_S + 0.000_25) == "2026-01-01T00:00:00.000250Z"
