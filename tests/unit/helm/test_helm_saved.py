"""Where the chart gives the service a volume for what it learnt, and what that needs of the pod."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from autoscaler.settings_file import load

Json = dict[str, Any]
Render = Callable[..., list[Json]]


def saved(**values: Any) -> Json:  # noqa: ANN401 - values of any kind
    return {"forecast": {"saved": {"enabled": True, **values}}}


def found(objects: list[Json], kind: str, name: str = "foresail") -> list[Json]:
    return [one for one in objects if (one["kind"], one["metadata"]["name"]) == (kind, name)]


def service(objects: list[Json]) -> Json:
    [deployment] = found(objects, "Deployment")
    return deployment["spec"]


def volume(objects: list[Json]) -> Json:
    [one] = [one for one in service(objects)["template"]["spec"]["volumes"] if one["name"] == "saved"]
    return one


def folder(objects: list[Json], tmp_path: Path) -> str:
    [settings] = found(objects, "ConfigMap")
    file = tmp_path / "settings.yaml"
    file.write_text(settings["data"]["settings.yaml"])
    return load(file, {}).forecast.saved_folder


def test_without_it_nothing_of_it_is_there(render: Render, tmp_path: Path) -> None:
    objects = render()
    assert not [one for one in objects if one["kind"] == "PersistentVolumeClaim"]
    assert folder(objects, tmp_path) == ""
    assert "saved" not in yaml.safe_dump(service(objects))
    assert "fsGroup" not in yaml.safe_dump(service(objects))
    assert service(objects)["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


@pytest.mark.parametrize("values", [saved(), saved(persistent=False), saved(existingClaim="mine")])
def test_the_folder_of_the_settings_is_the_one_that_is_mounted_and_nobody_may_write_to_it(
    values: Json, render: Render, tmp_path: Path
) -> None:
    objects = render(values)
    pod = service(objects)["template"]["spec"]
    [mount] = [one for one in pod["containers"][0]["volumeMounts"] if one["name"] == "saved"]
    assert mount == {"name": "saved", "mountPath": folder(objects, tmp_path)}
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"] == 65534
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"]
    [exporter] = found(objects, "DaemonSet", "foresail-exporter")
    assert "fsGroup" not in exporter["spec"]["template"]["spec"]["securityContext"]


def test_a_claim_is_made_where_none_is_named(render: Render) -> None:
    objects = render(saved(size="2Gi", storageClass="fast"))
    [claim] = found(objects, "PersistentVolumeClaim", "foresail-saved")
    assert claim["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "fast",
        "resources": {"requests": {"storage": "2Gi"}},
    }
    assert volume(objects)["persistentVolumeClaim"] == {"claimName": "foresail-saved"}
    assert "storageClassName" not in found(render(saved()), "PersistentVolumeClaim", "foresail-saved")[0]["spec"]


def test_a_claim_of_ones_own_is_used_as_it_is(render: Render) -> None:
    objects = render(saved(existingClaim="mine"))
    assert not [one for one in objects if one["kind"] == "PersistentVolumeClaim"]
    assert volume(objects)["persistentVolumeClaim"] == {"claimName": "mine"}


def test_without_a_claim_the_copies_go_with_the_pod(render: Render) -> None:
    objects = render(saved(persistent=False, size="500Mi") | {"replicas": 2})
    assert not [one for one in objects if one["kind"] == "PersistentVolumeClaim"]
    assert volume(objects)["emptyDir"] == {"sizeLimit": "500Mi"}
    assert service(objects)["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


@pytest.mark.parametrize(
    ("mode", "update"),
    [
        ("ReadWriteOnce", {"maxSurge": 0, "maxUnavailable": 1}),
        ("ReadWriteOncePod", {"maxSurge": 0, "maxUnavailable": 1}),
        ("ReadWriteMany", {"maxSurge": 1, "maxUnavailable": 0}),
    ],
)
def test_a_new_pod_never_waits_for_a_volume_that_the_old_one_holds(mode: str, update: Json, render: Render) -> None:
    assert service(render(saved(accessMode=mode)))["strategy"]["rollingUpdate"] == update


def test_several_replicas_may_share_a_claim_that_is_for_many(render: Render) -> None:
    objects = render(saved(accessMode="ReadWriteMany") | {"replicas": 3})
    assert found(objects, "PersistentVolumeClaim", "foresail-saved")[0]["spec"]["accessModes"] == ["ReadWriteMany"]
