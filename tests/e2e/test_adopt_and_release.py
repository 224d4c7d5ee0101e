"""An HPA is taken over and given back on the real cluster: the audit log of the API server says who scaled, and when.

The real Horizontal Pod Autoscaler and the service of the chart scale by the same External metric. One scenario is played once
(fixture `played`): the HPA drives, adoption is killed half-way and typed again, ours drives, release, the HPA drives again.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from demo.cluster import Cluster
from demo.cluster.api import Api
from demo.cluster.config import PAUSE_IMAGE
from demo.cluster.report import QuietReporter
from demo.stack import RELEASE, as_list, build_images, install_beside
from demo.wheels import TREE
from tests.integration.metrics_apis.entries import ADMIN, aggregated, served
from tests.integration.metrics_apis.programs import TEST_ADAPTER, built

pytestmark = pytest.mark.cluster

Json = dict[str, Any]
SPACE, SYSTEM = "handover", "handover-foresail"
WEB = "web"
KEY = f"{SPACE}/{WEB}"
PORT = 4444
ADAPTER = "handover-adapter"
SERVICE = "v1beta1.external.metrics.k8s.io"
CRDS = TREE / "helm" / "foresail" / "crds"
# The sample server tells 42 of this metric at all times, so both ask for two pods; the bounds are what is moved.
METRIC = {
    "type": "External",
    "external": {
        "metric": {"name": "my-external-metric", "selector": {"matchLabels": {"foo": "bar"}}},
        "target": {"type": "AverageValue", "averageValue": "21"},
    },
}
THEIRS = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
LOOK_S = 45.0  # two sync periods of the HPA's controller, and some


@dataclass(slots=True)
class Played:
    """What the scenario left behind."""

    cluster: Cluster
    said: dict[str, str] = field(default_factory=dict)  # command -> output
    counts: dict[str, int] = field(default_factory=dict)  # moment -> replicas
    back: Json = field(default_factory=dict)  # the HPA after its return

    @property
    def api(self) -> Api:
        return Api(self.cluster.state.api_port, self.cluster.layout.pki)

    def there(self) -> list[str]:
        """Return the scalers of the namespace."""
        return self.cluster.kubectl("get", "hpa,predictiveautoscalers", "-n", SPACE, "-o", "name").split()

    def replicas(self) -> int:
        """Return what the Deployment is asked to have."""
        return int((self.api.object(f"/apis/apps/v1/namespaces/{SPACE}/deployments/{WEB}") or {})["spec"]["replicas"])

    def reach(self, moment: str, kind: str, floor: int) -> None:
        """Raise minReplicas of the HPA or of our object, and wait until somebody scales by it."""
        patch = json.dumps({"spec": {"minReplicas": floor}})
        self.cluster.kubectl("patch", f"{kind}/{WEB}", "-n", SPACE, "--type=merge", "-p", patch)
        self.cluster.wait(lambda: self.replicas() == floor or None, LOOK_S, f"{kind} to ask for {floor} pods ({moment})")
        self.counts[moment] = self.replicas()

    def writers(self) -> list[tuple[str, str]]:
        """Return what happened to scale and HPA in the order of the audit log, as (what, who), successes only."""
        found = []
        for line in (self.cluster.layout.logs / "audit.log").read_text().splitlines():
            event = json.loads(line)
            ref, user = event.get("objectRef", {}), event["user"]["username"]
            if (ref.get("namespace"), ref.get("name")) != (SPACE, WEB) or event["responseStatus"].get("code", 500) >= 300:
                continue
            if ref.get("subresource") == "scale":
                found.append((event["requestReceivedTimestamp"], "scale", user))
            elif ref["resource"] == "horizontalpodautoscalers" and event["verb"] in {"create", "delete"}:
                found.append((event["requestReceivedTimestamp"], event["verb"], user))
        return [(what, who) for _, what, who in sorted(found)]


def command(cluster: Cluster, *words: str) -> list[str]:
    return [sys.executable, "-m", "autoscaler", *words, "--kubeconfig", str(cluster.kubeconfig)]


def typed(cluster: Cluster, *words: str) -> str:
    """Type a command and return what it says; it must succeed."""
    done = subprocess.run(command(cluster, *words), capture_output=True, text=True, check=False, timeout=240, cwd=TREE)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def killed(cluster: Cluster, at: str, *words: str) -> str:
    """Type a command and kill it as soon as it says a line that begins so; return what it said."""
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command(cluster, *words), stdout=subprocess.PIPE, text=True, cwd=TREE, env=environ) as process:
        assert process.stdout
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith(at):
                process.send_signal(signal.SIGKILL)
                break
    return said


def workload() -> list[Json]:
    """Return two pods that do nothing, and their HPA."""
    labels = {"app": WEB}
    pod = {
        "containers": [{"name": "app", "image": PAUSE_IMAGE, "imagePullPolicy": "Never"}],
        "terminationGracePeriodSeconds": 0,
    }
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": WEB}
    bounds = {"scaleTargetRef": ref, "minReplicas": 2, "maxReplicas": 8, "metrics": [METRIC]}
    meta: Json = {"name": WEB, "namespace": SPACE}
    return [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec},
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {**meta, "labels": {"team": "shop"}},
            "spec": bounds,
        },
    ]


@pytest.fixture(scope="module")
def stage(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Bring up the metric, the service of the chart and a workload with an HPA; on the way out nothing of them stays."""
    programs, folder = built(), tmp_path_factory.mktemp("handover")
    build_images(cluster, QuietReporter())
    cluster.kubectl("apply", "--server-side", "--force-conflicts", f"--filename={CRDS}")
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", f"--filename={CRDS}")
    inner = cluster.layout.inner_kubeconfig
    asked = [f"--{kind}-kubeconfig={inner}" for kind in ("authentication", "authorization", "lister")]
    certificates = f"--cert-dir={folder / 'certificates'}"
    cluster.spawn(ADAPTER, [programs / TEST_ADAPTER, *asked, f"--secure-port={PORT}", certificates])
    try:
        spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in (SPACE, SYSTEM)]
        cluster.apply(as_list([*served(ADAPTER, PORT), *aggregated([SERVICE], ADAPTER), *spaces]))
        cluster.kubectl("wait", "--for=condition=Available", "--timeout=60s", f"apiservice/{SERVICE}")
        values = {"exporter": {"enabled": False}, "settings": {"kubernetes": {"namespaces": [SPACE]}}}
        install_beside(cluster, folder, SYSTEM, values)
        cluster.apply(as_list(workload()))
        yield Played(cluster)
    finally:
        cluster.helm("uninstall", RELEASE, "--namespace", SYSTEM, "--ignore-not-found")
        cluster.kubectl("delete", "namespace", SPACE, SYSTEM, "--ignore-not-found", "--wait=false")
        cluster.kubectl("delete", f"apiservice/{SERVICE}", "--ignore-not-found")
        cluster.kubectl("delete", f"service/{ADAPTER}", "-n", ADMIN, "--ignore-not-found")
        cluster.end(ADAPTER)


@pytest.fixture(scope="module")
def played(stage: Played) -> Played:
    """Play the scenario."""
    cluster = stage.cluster
    stage.reach("before", "hpa", 3)
    stage.said["killed"] = killed(cluster, "1. ", "adopt", KEY)
    stage.reach("half-way", "hpa", 4)
    stage.said["adopt"] = typed(cluster, "adopt", KEY)
    assert stage.there() == [f"predictiveautoscaler.foresail.dev/{WEB}"]
    stage.reach("adopted", "predictiveautoscaler", 5)
    stage.said["again"] = typed(cluster, "adopt", KEY)
    stage.said["release"] = typed(cluster, "release", KEY)
    assert stage.there() == [f"horizontalpodautoscaler.autoscaling/{WEB}"]
    text = cluster.kubectl("get", f"hpa/{WEB}", "-n", SPACE, "-o", "json", "--show-managed-fields")
    stage.back = json.loads(text)
    stage.reach("released", "hpa", 6)
    stage.said["all"] = typed(cluster, "release", "--all", "--yes", "--namespace", SPACE)
    return stage


def test_whoever_drives_follows_the_bounds_at_every_stage(played: Played) -> None:
    assert played.counts == {"before": 3, "half-way": 4, "adopted": 5, "released": 6}


def test_no_two_wrote_in_the_same_window_and_always_the_one_whose_turn_it_was(played: Played) -> None:
    events = played.writers()
    scales = [("HPA" if who == THEIRS else "ours" if f":{SYSTEM}:" in who else who) for what, who in events if what == "scale"]
    assert scales == ["HPA", "HPA", "ours", "HPA"]
    [adoption] = [index for index, event in enumerate(events) if event[0] == "delete"]
    born = [index for index, event in enumerate(events) if event[0] == "create"]
    assert len(born) <= 2  # the test's own apply is a patch
    [ours] = [index for index, (what, who) in enumerate(events) if what == "scale" and f":{SYSTEM}:" in who]
    assert adoption < ours < born[-1]


def test_a_run_that_was_killed_left_the_hpa_to_drive_and_the_next_one_ended_it(played: Played) -> None:
    assert played.said["killed"].startswith("1. ")
    assert "4. " not in played.said["killed"]
    assert "wants 4 replicas, PredictiveAutoscaler handover/web 4" in played.said["adopt"]
    assert "drives Deployment handover/web" in played.said["adopt"]
    assert "was adopted before" in played.said["again"]


def test_the_hpa_is_back_with_the_bounds_of_the_object_and_no_field_of_ours(played: Played) -> None:
    assert played.back["spec"]["minReplicas"] == 5
    assert played.back["spec"]["metrics"] == [METRIC]
    assert played.back["metadata"]["labels"] == {"team": "shop"}
    managers = {one.get("manager", "") for one in played.back["metadata"].get("managedFields", ())}
    assert not [one for one in managers if "foresail" in one]
    assert "minReplicas is 5, as PredictiveAutoscaler handover/web has it by now; it was 4" in played.said["release"]
    assert "2. the service stands back" in played.said["release"]


def test_nothing_is_left_to_give_back(played: Played) -> None:
    assert played.said["all"] == "Foresail holds nothing here\n"
