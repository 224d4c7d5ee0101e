"""The facts about a container that do not label all of its series."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exporters.collectors import info
from exporters.names.book import PodBook
from exporters.names.logs import LogFolder
from exporters.names.names import Facts, Names
from tests.unit.exporters.trees import Host, Rig, of_family

if TYPE_CHECKING:
    from pathlib import Path

UID = "8d3f1c52-6a70-4b1e-9c1d-0f5a2b7e4c11"


def facts(text: str) -> dict[str, dict[str, str]]:
    """Map the first two digits of each container's id to its labels."""
    found = {}
    for series in of_family(text, "container_info"):
        labels = dict(re.findall(r'(\w+)="([^"]*)"', series))
        found[labels["name"][:2]] = labels
    return found


def test_the_api_tells_all_of_them(v2: Host, book: PodBook) -> None:
    web = facts(Rig(v2, book, collectors=(info.COLLECTOR,)).text())["a9"]
    assert {key: value for key, value in web.items() if key not in {"id", "name"}} == {
        "container": "web",
        "image": "example.org/shop/web:1.4",
        "namespace": "shop",
        "pod": "web-6f7c9d8b5-x2v4q",
        "pod_uid": UID,
        "node": "node-a",
        "workload_kind": "Deployment",
        "workload": "web",
        "qos": "Burstable",
        "restart_count": "1",
        "image_id": "example.org/shop/web@sha256:b5b5",
    }


def test_there_is_one_for_each_container_and_none_for_a_pod(v2: Host, book: PodBook) -> None:
    text = Rig(v2, book, collectors=(info.COLLECTOR,)).text()
    assert set(facts(text)) == {"5a", "a9", "e7", "c3", "d0"}
    assert len(of_family(text, "container_info")) == 5


def test_a_sandbox_is_told_of_by_its_pod(v2: Host, book: PodBook) -> None:
    sandbox = facts(Rig(v2, book, collectors=(info.COLLECTOR,)).text())["5a"]
    assert (sandbox["workload"], sandbox["pod_uid"], sandbox.get("restart_count")) == ("web", UID, None)


def test_a_static_pod_has_the_uid_that_the_api_knows(v2: Host, book: PodBook) -> None:
    proxy = facts(Rig(v2, book, collectors=(info.COLLECTOR,)).text())["c3"]
    assert (proxy["pod_uid"], proxy["qos"]) == ("f00dfeed-0000-4000-8000-00000000abcd", "BestEffort")


def test_without_the_api_the_log_folder_and_the_path_tell_some(v2: Host) -> None:
    web = facts(Rig(v2, collectors=(info.COLLECTOR,)).text())["a9"]
    assert (web["pod_uid"], web["restart_count"], web["qos"]) == (UID, "0", "Burstable")
    assert {"node", "workload", "workload_kind", "image_id"} & set(web) == set()


def test_a_container_outside_kubernetes_has_the_six_labels_only(v2: Host) -> None:
    podman = facts(Rig(v2, collectors=(info.COLLECTOR,)).text())["d0"]
    assert set(podman) == {"container", "id", "image", "name", "namespace", "pod"}


def test_facts_that_come_late_are_taken_and_those_that_are_forgotten_stay(v2: Host, book: PodBook) -> None:
    late = PodBook()
    rig = Rig(v2, late, collectors=(info.COLLECTOR,))
    assert facts(rig.text())["a9"].get("workload") is None
    late.replace(book.page.pods.values())
    assert facts(rig.text())["a9"]["workload"] == "web"
    late.replace(())
    assert facts(rig.text())["a9"]["workload"] == "web"


def test_a_log_file_with_another_name_tells_no_restarts(tmp_path: Path) -> None:
    name = f"a_b_c-{'1' * 64}.log"
    (tmp_path / name).symlink_to("/var/log/pods/b_a_uid/c/latest.log")
    folder = LogFolder(tmp_path)
    folder.refresh()
    assert Names(None, folder).facts("1" * 64, "uid") == Facts("uid", is_final=True)
