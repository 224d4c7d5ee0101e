"""Pods as the API tells them: names, workloads, requests."""

from __future__ import annotations

import json

import pytest

from exporters.names.book import PodBook
from exporters.names.owner import Owner, Workload, workload_of
from exporters.names.pod import Container, NotAPodError, Pod, Request, pod_of
from exporters.names.quantity import quantity

CREATED_S = 1_795_248_902.0  # in the minute 29920815


def a_pod(name: str = "web", **parts: object) -> Pod:
    raw = {"metadata": {"namespace": "shop", "name": name, "uid": f"uid-{name}"}, **parts}
    return pod_of(json.dumps(raw).encode())


@pytest.mark.parametrize(
    ("owner", "workload"),
    [
        (Owner("ReplicaSet", "web-6f7c9d8b5", "6f7c9d8b5", None), Workload("Deployment", "web")),
        (Owner("ReplicaSet", "web-6f7c9d8b5", "", None), Workload("ReplicaSet", "web-6f7c9d8b5")),
        (Owner("ReplicaSet", "web", "6f7c9d8b5", None), Workload("ReplicaSet", "web")),
        (Owner("StatefulSet", "db", "", None), Workload("StatefulSet", "db")),
        (Owner("DaemonSet", "shipper", "", None), Workload("DaemonSet", "shipper")),
        (Owner("Job", "report-29920815", "", CREATED_S), Workload("CronJob", "report")),
        (Owner("Job", "report-29920000", "", CREATED_S), Workload("CronJob", "report")),
        (Owner("Job", "report-20261121", "", CREATED_S), Workload("Job", "report-20261121")),
        (Owner("Job", "report-29930000", "", CREATED_S), Workload("Job", "report-29930000")),
        (Owner("Job", "report-29920815", "", None), Workload("Job", "report-29920815")),
        (Owner("Job", "migrate", "", CREATED_S), Workload("Job", "migrate")),
        (Owner("Rollout", "web", "6f7c9d8b5", None), Workload("Rollout", "web")),
    ],
)
def test_the_workload_is_found_from_the_owner_and_its_name(owner: Owner, workload: Workload) -> None:
    assert workload_of(owner) == workload


def test_a_pod_without_a_controller_is_its_own_workload() -> None:
    assert a_pod("lone").workload == Workload("Pod", "lone")


def test_an_owner_that_is_no_controller_does_not_count() -> None:
    reference = {"kind": "ConfigMap", "name": "x"}
    raw = {"metadata": {"namespace": "a", "name": "b", "uid": "c", "ownerReferences": [reference]}}
    assert pod_of(json.dumps(raw).encode()).workload == Workload("Pod", "b")


def test_a_static_pod_is_known_by_the_hash_in_its_cgroup_and_named_without_the_node(book: PodBook) -> None:
    pod = book.page.by_cgroup_uid["0f1e2d3c4b5a69788796a5b4c3d2e1f0"]
    assert (pod.uid, pod.workload) == ("f00dfeed-0000-4000-8000-00000000abcd", Workload("StaticPod", "kube-proxy"))


def test_every_life_of_a_container_is_named(book: PodBook) -> None:
    found = [book.page.by_container_id[container_id][1] for container_id in ("a9" * 32, "0b" * 32)]
    assert found == [
        Container("a9" * 32, "web", "example.org/shop/web:1.4", "example.org/shop/web@sha256:b5b5", restarts=1),
        Container("0b" * 32, "web", "example.org/shop/web:1.4", "", restarts=0),
    ]


def test_restarts_that_are_not_told_or_make_no_sense_are_not_known() -> None:
    last = {"terminated": {"containerID": "containerd://before"}}
    for count, expected in ((None, {"now": None, "before": None}), (0, {"now": 0, "before": None})):
        status = {"name": "web", "containerID": "containerd://now", "restartCount": count, "lastState": last}
        pod = a_pod(status={"containerStatuses": [status]})
        assert {container.container_id: container.restarts for container in pod.containers} == expected


def test_an_image_known_only_by_its_hash_is_named_as_it_was_asked_for(book: PodBook) -> None:
    _, container = book.page.by_container_id["e7" * 32]
    assert container.image == "example.org/db:16"


def test_requests_count_sidecars_and_leave_out_containers_that_only_run_first(book: PodBook) -> None:
    (web,) = [pod for pod in book.page.pods.values() if pod.workload.name == "web"]
    assert web.requests == (
        Request("proxy", "cpu", "core", 0.01),
        Request("web", "cpu", "core", 0.05),
        Request("web", "memory", "byte", 64 * 1024**2),
        Request("web", "nvidia_com_gpu", "integer", 1.0),
    )


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_finished_pod_asks_for_nothing(phase: str) -> None:
    spec = {"containers": [{"name": "a", "resources": {"requests": {"cpu": "1"}}}]}
    assert a_pod(spec=spec, status={"phase": "Running"}).requests
    assert a_pod(spec=spec, status={"phase": phase}).requests == ()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1.0),
        ("250m", 0.25),
        ("0.1", 0.1),
        (".5", 0.5),
        ("1.", 1.0),
        ("100n", 1e-7),
        ("64Mi", 67108864.0),
        ("1.5Gi", 1610612736.0),
        ("2k", 2000.0),
        ("1E", 1e18),
        ("1e3", 1000.0),
        ("1E3", 1000.0),
        ("12e-3", 0.012),
        ("", None),
        ("m", None),
        ("-1", None),
        ("1mi", None),
        ("1 Gi", None),
        ("1e", None),
        ("1.2.3", None),
        ("\u0661", None),
    ],
)
def test_quantities_are_read_as_kubernetes_reads_them(text: str, number: float | None) -> None:
    assert quantity(text) == (pytest.approx(number) if number is not None else None)


@pytest.mark.parametrize(
    "raw",
    [b"", b"null", b"[]", b"{}", b'{"metadata":{}}', b'{"metadata":{"name":"a"}}', b'{"metadata":{"name":1}}', b"\xff"],
)
def test_what_is_no_pod_is_refused(raw: bytes) -> None:
    with pytest.raises(NotAPodError):
        pod_of(raw)


def test_null_is_taken_for_missing_everywhere() -> None:
    raw = {
        "metadata": {"namespace": "a", "name": "b", "uid": "c", "labels": None, "annotations": None, "ownerReferences": None},
        "spec": {"containers": None, "hostNetwork": None, "nodeName": None},
        "status": {"containerStatuses": None, "startTime": None},
    }  # fmt: skip
    pod = pod_of(json.dumps(raw).encode())
    assert (pod.started_s, pod.containers, pod.requests, pod.host_network) == (None, (), (), False)


@pytest.mark.parametrize("moment", ["yesterday", "2026-11-21", "2026-11-21T08:00:00", "9999-99-99T00:00:00Z"])
def test_a_start_that_is_no_moment_is_not_told(moment: str) -> None:
    assert a_pod(status={"startTime": moment}).started_s is None


class TestBook:
    def test_a_pod_is_found_by_every_key_until_it_is_removed(self) -> None:
        book = PodBook()
        status = {"containerStatuses": [{"name": "a", "containerID": "containerd://id"}]}
        book.put(a_pod("one", status=status))
        book.put(a_pod("two"))
        assert book.page.by_container_id["id"][1].name == "a"
        book.remove("uid-one")
        book.remove("uid-of-nobody")
        assert (set(book.page.pods), book.page.by_container_id) == ({"uid-two"}, {})

    def test_a_pod_takes_the_place_of_an_earlier_one_with_its_name(self) -> None:
        book = PodBook()
        for uid in ("old", "new"):
            book.put(pod_of(json.dumps({"metadata": {"namespace": "a", "name": "db-0", "uid": uid}}).encode()))
        assert set(book.page.pods) == {"new"}

    def test_a_reader_never_sees_a_page_change(self) -> None:
        book = PodBook()
        book.put(a_pod("one"))
        page = book.page
        book.replace(())
        assert set(page.pods) == {"uid-one"}
