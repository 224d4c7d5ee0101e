"""Names that come late, from two sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.names.book import PodBook
from exporters.names.logs import LogFolder
from tests.unit.exporters.trees import Rig, of_family, samples

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.exporters.trees import Host

APP, SANDBOX, OF_CRIO = "a9" * 32, "5a" * 32, "e7" * 32
UID = "8d3f1c52-6a70-4b1e-9c1d-0f5a2b7e4c11"


def labels_of(rig: Rig, container_id: str) -> set[str]:
    """Return the label sets under which a container's memory is shown, without its id and name."""
    usage = of_family(rig.text(), "container_memory_usage_bytes")
    return {
        ",".join(label for label in series.partition("{")[2].strip("}").split(",") if not label.startswith(("id=", "name=")))
        for series in usage
        if container_id in series
    }


def test_a_container_without_a_name_is_shown_with_empty_labels_and_counted(v2: Host) -> None:
    for link in v2.log.iterdir():
        link.unlink()
    text = Rig(v2).text()
    assert len(of_family(text, "container_memory_usage_bytes")) == 8 + 2  # and the root and kubepods, which never have one
    assert samples(text)["foresail_exporter_containers"] == 5
    assert samples(text)["foresail_exporter_containers_unnamed"] == 1


def test_a_name_that_arrives_late_is_picked_up(v2: Host, book: PodBook) -> None:
    for link in v2.log.iterdir():
        link.unlink()
    late = PodBook()
    rig = Rig(v2, late)
    assert labels_of(rig, OF_CRIO) == {'container="",image="",namespace="",pod=""'}
    late.replace(book.page.pods.values())
    assert labels_of(rig, OF_CRIO) == {'container="db",image="example.org/db:16",namespace="shop",pod="db-0"'}


def test_the_log_folder_names_a_container_until_the_api_tells_its_image(v2: Host, book: PodBook) -> None:
    late = PodBook()
    rig = Rig(v2, late)
    assert labels_of(rig, APP) == {'container="web",image="",namespace="shop",pod="web-6f7c9d8b5-x2v4q"'}
    late.replace(book.page.pods.values())
    assert labels_of(rig, APP) == {
        'container="web",image="example.org/shop/web:1.4",namespace="shop",pod="web-6f7c9d8b5-x2v4q"'
    }


def test_a_name_stays_with_its_container_when_the_pod_is_gone_from_the_api(v2: Host, book: PodBook) -> None:
    rig = Rig(v2, book)
    before = [labels_of(rig, container_id) for container_id in (APP, SANDBOX, OF_CRIO)]
    book.replace(())
    for link in v2.log.iterdir():
        link.unlink()
    assert [labels_of(rig, container_id) for container_id in (APP, SANDBOX, OF_CRIO)] == before


def test_the_sandbox_carries_the_names_of_its_pod_and_no_container(v2: Host, book: PodBook) -> None:
    assert labels_of(Rig(v2, book), SANDBOX) == {'container="",image="",namespace="shop",pod="web-6f7c9d8b5-x2v4q"'}


def test_a_container_that_is_new_in_a_known_pod_is_counted_as_unnamed(v2: Host, book: PodBook) -> None:
    (pod,) = [one for one in book.page.pods.values() if one.uid == UID]
    rig = Rig(v2, book)
    assert samples(rig.text())["foresail_exporter_containers_unnamed"] == 0
    (scope,) = v2.cgroupfs.glob(f"kubepods.slice/*/*/cri-containerd-{APP}.scope")
    (scope.with_name(f"cri-containerd-{'12' * 32}.scope")).mkdir()
    assert samples(rig.text())["foresail_exporter_containers_unnamed"] == 1
    assert pod.name in rig.text()


def test_without_a_log_folder_and_api_the_names_are_absent_and_nothing_fails(v2: Host) -> None:
    for link in v2.log.iterdir():
        link.unlink()
    v2.log.rmdir()
    errors = of_family(Rig(v2).text(), "foresail_exporter_collector_errors_total")
    assert errors['foresail_exporter_collector_errors_total{collector="names",kind="absent"}'] == 1
    assert errors['foresail_exporter_collector_errors_total{collector="names",kind="failed"}'] == 0


def test_nothing_is_said_of_pods_without_the_api(v2: Host) -> None:
    assert "foresail_pod_" not in Rig(v2).text()


class TestLogFolder:
    def link(self, folder: Path, name: str, target: str) -> None:
        (folder / name).symlink_to(target)

    def test_the_target_is_believed_before_the_name_which_may_be_cut(self, tmp_path: Path) -> None:
        self.link(tmp_path, f"cut_ns_app-{APP}.log", f"/var/log/pods/ns_whole-name_{UID}/app/0.log")
        logs = LogFolder(tmp_path)
        logs.refresh()
        assert (logs.by_container_id[APP].pod, logs.by_pod_uid[UID].namespace) == ("whole-name", "ns")

    def test_a_target_of_another_form_leaves_the_name(self, tmp_path: Path) -> None:
        self.link(tmp_path, f"pod_ns_my-app-{APP}.log", "/elsewhere")
        logs = LogFolder(tmp_path)
        logs.refresh()
        named = logs.by_container_id[APP]
        assert (named.pod, named.namespace, named.container, named.pod_uid) == ("pod", "ns", "my-app", "")
        assert logs.by_pod_uid == {}

    def test_other_files_are_passed_over(self, tmp_path: Path) -> None:
        (tmp_path / "README").touch()
        (tmp_path / f"a_b_c-{APP[:-1]}.log").touch()
        logs = LogFolder(tmp_path)
        logs.refresh()
        assert logs.by_container_id == {}

    def test_a_link_that_is_gone_is_forgotten(self, tmp_path: Path) -> None:
        name = f"pod_ns_app-{APP}.log"
        self.link(tmp_path, name, f"/var/log/pods/ns_pod_{UID}/app/0.log")
        logs = LogFolder(tmp_path)
        logs.refresh()
        (tmp_path / name).unlink()
        logs.refresh()
        assert (logs.by_container_id, logs.by_pod_uid) == ({}, {})
