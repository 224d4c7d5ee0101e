"""The whole loop on the real cluster: scraped, scaled up, scaled down, evicted once, told by webhook.

One scenario is played once (fixture `played`), with real kubelet, exporter, Prometheus, chart and service; the tests look at
what it left behind, so their order does not matter. They assert mechanics, never that a forecast beat anything.
"""

import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from demo import manifests
from demo.cluster import Cluster
from demo.cluster.report import QuietReporter
from demo.constants import NAMESPACE, PATIENT, SYSTEM_NAMESPACE
from demo.observe import Tail
from demo.parity import live
from demo.parity.compare import Verdict
from demo.parity.report import faults
from demo.prometheus import Prometheus
from demo.run import break_pod
from demo.stack import APP_IMAGE, RELEASE, Stack, as_list, bring_up

pytestmark = pytest.mark.cluster

Json = dict[str, Any]
APP = "web"
WARMUP_S = 5.0
STEPS = ("15:8", "70:40", "300:6")  # seconds and requests/s: one pod, three, and one again, at 16 requests/s each
TRAFFIC_S = 385.0
KUBELET_ROUNDS_S = (30.0, 10.0, 10.0)  # the first is longer than what the kubelet answers may be old
ACTS = {"scale": "foresail.scaled", "evict": "foresail.evicted"}  # act of the metric: type of the webhook


@dataclass(slots=True)
class Played:
    """What the scenario left behind."""

    stack: Stack
    before: Json = field(default_factory=dict)  # the patient's pods, by name
    after: Json = field(default_factory=dict)
    broken: str = ""
    most_replicas: int = 0
    last_replicas: int = 0
    usage: list[Json] = field(default_factory=list)
    webhooks: list[Json] = field(default_factory=list)
    acts: dict[str, float] = field(default_factory=dict)  # foresail_acts_total by act, when it agreed with the webhooks
    events: list[Json] = field(default_factory=list)
    log: str = ""
    refused: str = ""
    explained: Json = field(default_factory=dict)  # what `foresail explain` says right after the app was scaled down

    def notices(self, kind: str) -> list[Json]:
        """Return the webhooks of one type."""
        return [line for line in self.webhooks if line["body"].get("type") == kind]


def objects() -> list[Json]:
    """Return the sample app under a PredictiveAutoscaler, one whose target is missing, and the patient."""
    metrics = [manifests.cpu_metric(), manifests.requests_metric(APP)]
    autoscaler = manifests.predictive_autoscaler(APP, metrics, forecast=True)
    autoscaler["spec"] |= {"minReplicas": 1, "maxReplicas": 4}
    autoscaler["spec"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"] = 10
    orphan = manifests.predictive_autoscaler("nobody", metrics, forecast=False)
    policy = manifests.healing_policy(PATIENT, not_ready_s=15)
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        *manifests.workload(APP, APP_IMAGE, replicas=1, warmup_s=WARMUP_S),
        *manifests.workload(PATIENT, APP_IMAGE, replicas=2, warmup_s=WARMUP_S),
        autoscaler,
        orphan,
        policy,
    ]


def get(cluster: Cluster, *words: str) -> Json:
    """Read objects as JSON."""
    return dict(json.loads(cluster.kubectl("get", *words, "-n", NAMESPACE, "-o", "json")))


def replicas(cluster: Cluster) -> int:
    """Return the replicas that the sample app's Deployment wants."""
    return int(get(cluster, "deployment", APP)["spec"]["replicas"])


def pods(cluster: Cluster, app: str) -> dict[str, Json]:
    """Return an app's pods that are not being deleted, by name."""
    items = get(cluster, "pods", "-l", f"app={app}")["items"]
    return {pod["metadata"]["name"]: pod for pod in items if "deletionTimestamp" not in pod["metadata"]}


def ready(pod: Json) -> bool:
    """Say whether a pod is Ready."""
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", []))


def condition(cluster: Cluster, kind: str, name: str, wanted: str) -> Json | None:
    """Return one condition of an object of ours, None while it is not there."""
    conditions = get(cluster, kind, name).get("status", {}).get("conditions", [])
    return next((one for one in conditions if one["type"] == wanted), None)


@pytest.fixture(scope="module")
def stack(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Bring up the whole product; on the way out the cluster stays for other tests, without product and workloads."""
    try:
        yield bring_up(cluster, tmp_path_factory.mktemp("e2e"), QuietReporter())
    finally:
        cluster.helm("uninstall", RELEASE, "--namespace", SYSTEM_NAMESPACE, "--ignore-not-found")
        started = {one.name for one, _ in cluster.processes()}
        for name in started & {"traffic", "receiver", "alertmanager", "prometheus"}:
            cluster.end(name)
        cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false")


@pytest.fixture(scope="module")
def compared(played: Played) -> list[Verdict]:
    """Scrape the kubelet and the exporter side by side, while traffic goes on."""
    version = 2 if Path("/sys/fs/cgroup/cgroup.controllers").exists() else 1
    major, minor = (int(part) for part in platform.release().split(".")[:2])
    scrapes = live.scrape(played.stack.cluster, SYSTEM_NAMESPACE, KUBELET_ROUNDS_S)
    return scrapes.judge(version, (major, minor))


@pytest.fixture(scope="module")
def played(stack: Stack) -> Played:
    """Play the scenario: quiet, busy, quiet again, with one pod broken meanwhile."""
    cluster, story = stack.cluster, Played(stack)
    story.refused = refused(cluster)
    cluster.apply(as_list(objects()))
    for name in (APP, PATIENT):
        cluster.kubectl("rollout", "status", f"deployment/{name}", "-n", NAMESPACE, "--timeout=90s")
    story.before = pods(cluster, PATIENT)
    story.broken = break_pod(cluster, PATIENT)
    start_s = time.time()
    stack.start_traffic([APP], start_s, TRAFFIC_S, steps=STEPS)
    story.most_replicas = cluster.wait(above(cluster, 1), 120.0, f"{APP} to be scaled up")
    cluster.wait(lambda: sum(map(ready, pods(cluster, APP).values())) > 1, 60.0, "the new pods to become Ready")
    prometheus = Prometheus(stack.prometheus_url)
    selector = f'{{job="foresail-exporter",namespace="{NAMESPACE}",container="app"}}'
    join = "* on (namespace, pod) group_left (workload_kind, workload) foresail_pod_info"
    story.usage = cluster.wait(
        lambda: prometheus.query(f"container_memory_working_set_bytes{selector} {join}"), 60.0, "usage with workload names"
    )
    peak = story.most_replicas
    story.last_replicas = cluster.wait(below(cluster, peak), 240.0, f"{APP} to be scaled down from {peak}")
    story.explained = cluster.wait(explained_change(cluster), 30.0, "foresail explain to tell of the scale-down")
    cluster.wait(healed(cluster, story.broken, 2), 120.0, f"{story.broken} to be replaced")
    story.after = pods(cluster, PATIENT)
    tail = Tail(stack.webhooks)
    cluster.wait(lambda: story.webhooks.extend(tail.lines()) or story.notices("foresail.healed"), 90.0, "the outcome's webhook")
    cluster.wait(lambda: metrics_agree(story, tail), 60.0, "foresail_acts_total to show every act that a webhook told of")
    story.events = get(cluster, "events.events.k8s.io")["items"]
    label = "app.kubernetes.io/component=service"
    story.log = cluster.kubectl("logs", "-n", SYSTEM_NAMESPACE, "-l", label, "--tail=-1")
    return story


def metrics_agree(story: Played, tail: Tail) -> bool:
    """Look at webhooks and metric again; say whether both count the same acts (a scrape later than the act)."""
    story.webhooks.extend(tail.lines())
    # A replica that does not lead any more takes its series away, and a busy machine may well change the leader.
    query = f'sum by (act) (max_over_time(foresail_acts_total{{namespace="{NAMESPACE}",result="done"}}[15m]))'
    found = Prometheus(story.stack.prometheus_url).query(query)
    story.acts = {sample["metric"]["act"]: float(sample["value"][1]) for sample in found}
    return story.acts == {act: len(story.notices(kind)) for act, kind in ACTS.items()}


def above(cluster: Cluster, count: int) -> Callable[[], int]:
    """Return a condition: the app wants more replicas than so many (their number), else 0."""
    return lambda: found if (found := replicas(cluster)) > count else 0


def below(cluster: Cluster, count: int) -> Callable[[], int]:
    """Return a condition: the app wants fewer replicas than so many (their number), else 0."""
    return lambda: found if (found := replicas(cluster)) < count else 0


def healed(cluster: Cluster, broken: str, count: int) -> Callable[[], bool]:
    """Return a condition: the broken pod is gone and so many Ready pods are there."""

    def look() -> bool:
        found = pods(cluster, PATIENT)
        return broken not in found and len(found) == count and all(map(ready, found.values()))

    return look


def explained_change(cluster: Cluster) -> Callable[[], Json | None]:
    """Return a condition: `foresail explain` knows of a scale-down (all that it says), else None."""
    words = ("explain", f"{NAMESPACE}/{APP}", "--number", "20", "--output", "json", "--kubeconfig", str(cluster.kubeconfig))

    def look() -> Json | None:
        done = subprocess.run([sys.executable, "-m", "autoscaler", *words], capture_output=True, text=True, check=True)
        content: Json = json.loads(done.stdout)
        changes = [row for row in content["decisions"] if row["result"] == "done"]
        return {**content, "notes": done.stderr} if changes and changes[-1]["action"] == "scale_down" else None

    return look


def refused(cluster: Cluster) -> str:
    """Apply a PredictiveAutoscaler with max below min and return what the API server says."""
    bad = manifests.predictive_autoscaler("bad", [manifests.cpu_metric()], forecast=True)
    bad["spec"] |= {"minReplicas": 5, "maxReplicas": 2}
    bad["metadata"]["namespace"] = "default"
    try:
        cluster.apply(as_list([bad]))
    except Exception as error:  # noqa: BLE001 - whatever it is, its words are looked at below
        return str(error)
    return "accepted"


def test_every_pod_is_exposed_with_all_its_names(played: Played) -> None:
    labels = [sample["metric"] for sample in played.usage]
    assert {label["workload"] for label in labels} == {APP, PATIENT}
    for label in labels:
        assert label["workload_kind"] == "Deployment"
        assert label["pod"].startswith(label["workload"] + "-")
        assert label["container"] == "app"
    assert all(float(sample["value"][1]) > 1e6 for sample in played.usage)


@pytest.mark.parametrize(
    "name", ["container_cpu_usage_seconds_total", "container_network_receive_bytes_total", "container_spec_cpu_quota"]
)
def test_cpu_network_and_limits_of_the_app_are_in_prometheus(played: Played, name: str) -> None:
    query = f'count by (pod) (last_over_time({name}{{job="foresail-exporter",namespace="{NAMESPACE}",pod=~"{APP}-.+"}}[10m]))'
    assert len(Prometheus(played.stack.prometheus_url).query(query)) >= 2


def test_everything_of_ours_is_scraped(played: Played) -> None:
    found = Prometheus(played.stack.prometheus_url).query('up{job=~"foresail.*"} == 1')
    assert {sample["metric"]["job"] for sample in found} == {"foresail", "foresail-exporter"}


def test_the_app_was_scaled_up_and_down_within_its_bounds(played: Played) -> None:
    assert 1 < played.most_replicas <= 4
    assert 1 <= played.last_replicas < played.most_replicas


def test_only_the_broken_pod_was_evicted_and_once(played: Played) -> None:
    kept = set(played.before) - {played.broken}
    assert kept <= set(played.after)
    assert played.broken not in played.after
    for name in kept:
        assert played.after[name]["metadata"]["uid"] == played.before[name]["metadata"]["uid"]
    (evicted,) = played.notices("foresail.evicted")
    assert played.broken in json.dumps(evicted["body"])


def test_the_budget_book_knows_the_act(played: Played) -> None:
    status = get(played.stack.cluster, "healingpolicy", PATIENT)["status"]
    (act,) = status["acts"]
    assert act["pod"] == played.broken
    assert act["state"] == "Healed"


@pytest.mark.parametrize(
    ("reason", "kind"), [("SuccessfulRescale", "foresail.scaled"), ("RestartedByEviction", "foresail.evicted")]
)
def test_every_act_is_event_log_line_metric_and_signed_webhook(played: Played, reason: str, kind: str) -> None:
    events = [event for event in played.events if event.get("reason") == reason]
    assert events
    assert {event["reportingController"] for event in events} == {"foresail.dev/autoscaler"}
    assert any(json.loads(line).get("reason") == reason for line in played.log.splitlines() if line.startswith("{"))
    assert played.notices(kind)
    assert all(line["signed"] for line in played.notices(kind))
    act = next(act for act, told in ACTS.items() if told == kind)
    assert played.acts[act] == len(played.notices(kind))


def test_an_impossible_object_is_refused_with_its_field(played: Played) -> None:
    assert "maxReplicas" in played.refused
    assert "accepted" not in played.refused


def test_a_missing_target_is_said_and_does_not_stop_the_others(played: Played) -> None:
    found = condition(played.stack.cluster, "predictiveautoscaler", "nobody", "AbleToScale")
    assert found is not None
    assert (found["status"], found["reason"]) == ("False", "FailedGetScale")
    assert "nobody" in found["message"]


def test_the_status_says_what_was_weighed(played: Played) -> None:
    status = get(played.stack.cluster, "predictiveautoscaler", APP)["status"]
    assert status["currentReplicas"] >= 1
    assert {"reactive", "stabilized"} <= set(status["candidates"])
    found = condition(played.stack.cluster, "predictiveautoscaler", APP, "ForecastActive")
    assert found is not None
    assert found["reason"] == "ForecastLearning"


def test_explain_asks_the_leader_and_names_the_reason_of_the_last_scale_act(played: Played) -> None:
    assert (played.explained["source"], played.explained["notes"]) == ("service", "")
    change = [row for row in played.explained["decisions"] if row["result"] == "done"][-1]
    assert change["reason"] == "BelowTarget"
    assert change["limits"] == [] or change["limits"][-1]["after"] == change["desired"]
    assert {one["source"] for one in change["metrics"]} == {"Prometheus"}
    status = get(played.stack.cluster, "predictiveautoscaler", APP)["status"]
    assert {"decision", "lastChange"} <= status.keys()  # the API server drops what the schema does not know
    assert status["decision"]["metrics"]


def test_both_programs_run_without_root_or_capabilities(played: Played) -> None:
    text = played.stack.cluster.kubectl("get", "pods", "-n", SYSTEM_NAMESPACE, "-o", "json")
    for pod in json.loads(text)["items"]:
        assert not pod["spec"].get("hostPID")
        assert not pod["spec"].get("hostNetwork")
        for container in pod["spec"]["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}


def test_the_log_of_the_service_has_no_traceback(played: Played, tmp_path: Path) -> None:
    (tmp_path / "service.log").write_text(played.log, encoding="utf-8")
    assert '"exception"' not in played.log
    assert "Traceback" not in played.log


def test_the_exporter_says_what_the_kubelet_says_but_for_what_differs_on_purpose(compared: list[Verdict]) -> None:
    assert not [one for verdict in compared for one in verdict.unexplained()], faults(compared)
    assert sum(compared[-1].same.values()) > 500
