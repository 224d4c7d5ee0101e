"""The client of the API server, over real HTTP, where the answers are not those of everyday."""

import asyncio
import ssl
from pathlib import Path

import aiohttp
import orjson
import pytest

from autoscaler import __version__
from autoscaler.clients.kube.client import KubeClient, open_client
from autoscaler.clients.kube.connection import connect
from autoscaler.clients.kube.failures import FOREIGN, Attempt, Expired, NotServed, from_answer, from_exception
from autoscaler.clients.kube.resources import PODS
from autoscaler.clients.notes import cut
from autoscaler.clients.ports import EventNote, Target
from autoscaler.errors import Permanent, Temporary
from autoscaler.settings import KubernetesSettings
from autoscaler.telemetry import REGISTRY
from tests.fakes.api_server import FakeApiServer
from tests.fakes.waiting import until

WEB = Target("apps/v1", "Deployment", "shop", "web")
POD = {"metadata": {"namespace": "shop", "name": "web-1", "uid": "u1"}, "status": {"phase": "Running"}}
DEPLOYMENT = {"metadata": {"namespace": "shop", "name": "web"}, "spec": {"replicas": 2}}


def requests_counted(verb: str, resource: str, code: str) -> float:
    labels = {"verb": verb, "resource": resource, "code": code}
    return REGISTRY.get_sample_value("foresail_kube_requests_total", labels) or 0.0


async def test_a_target_scaled_to_zero_reads_as_zero_replicas(api: FakeApiServer, client: KubeClient) -> None:
    api.cluster.put("deployments", {**DEPLOYMENT, "spec": {"replicas": 0}})
    scale = await client.get_scale(WEB)
    assert scale.spec_replicas == 0


async def test_the_kind_of_a_target_is_looked_up_once(api: FakeApiServer, client: KubeClient) -> None:
    api.cluster.put("deployments", DEPLOYMENT)
    await client.get_scale(WEB)
    await client.get_scale(WEB)
    assert [path for _, path, _ in api.requests].count("/apis/apps/v1") == 1


async def test_a_misspelt_kind_is_answered_with_the_kinds_that_can_be_scaled(client: KubeClient) -> None:
    with pytest.raises(Permanent, match=r"apps/v1 has no kind Deploymnt.*Deployment, ReplicaSet, StatefulSet"):
        await client.get_scale(Target("apps/v1", "Deploymnt", "shop", "web"))


async def test_a_kind_without_scale_is_named(client: KubeClient) -> None:
    with pytest.raises(Permanent, match="kind DaemonSet of apps/v1 has no scale subresource"):
        await client.get_scale(Target("apps/v1", "DaemonSet", "shop", "web"))


async def test_an_api_version_that_is_not_served_is_named(client: KubeClient) -> None:
    with pytest.raises(Permanent, match=r"does not serve apiVersion argoproj.io/v1alpha1 .*CRD"):
        await client.get_scale(Target("argoproj.io/v1alpha1", "Rollout", "shop", "web"))


async def test_what_rbac_refuses_is_answered_with_the_rule_that_is_missing(api: FakeApiServer, client: KubeClient) -> None:
    api.cluster.put("deployments", DEPLOYMENT)
    seen = await client.get_scale(WEB)
    api.forbidden.add(("update", "deployments/scale"))
    with pytest.raises(Permanent, match=r'shop/web.*grant verb "update" on "deployments/scale" in API group "apps"'):
        await client.set_scale(WEB, replicas=3, seen=seen)


async def test_what_an_admission_rule_refuses_is_not_blamed_on_rbac(api: FakeApiServer, client: KubeClient) -> None:
    api.fail(403, {"message": "denied by policy no-scaling"}, when=lambda request: request.path.endswith("/scale"))
    with pytest.raises(Permanent, match=r"denied by policy no-scaling; an admission rule"):
        await client.get_scale(WEB)


async def test_an_eviction_beyond_the_request_limit_is_temporary_and_keeps_retry_after(
    api: FakeApiServer, client: KubeClient
) -> None:
    api.fail(429, {"message": "too many requests"}, retry_after_s=7)
    with pytest.raises(Temporary, match="asks for fewer requests") as raised:
        await client.evict("shop", "web-1", uid="u1")
    assert raised.value.retry_after_s == 7


async def test_retry_after_is_also_read_from_the_details_of_a_status(api: FakeApiServer, client: KubeClient) -> None:
    api.fail(504, {"message": "timed out", "details": {"retryAfterSeconds": 10}})
    with pytest.raises(Temporary) as raised:
        await client.evict("shop", "web-1", uid="u1")
    assert raised.value.retry_after_s == 10


async def test_an_eviction_that_conflicts_with_another_write_is_not_taken_for_a_pod_that_is_gone(
    api: FakeApiServer, client: KubeClient
) -> None:
    api.fail(409, {"message": "the object has been modified; please apply your changes to the latest version"})
    with pytest.raises(Temporary):
        await client.evict("shop", "web-1", uid="u1")


async def test_a_pod_whose_name_holds_the_letters_uid_is_not_taken_for_gone_after_a_conflict(
    api: FakeApiServer, client: KubeClient
) -> None:
    api.fail(409, {"message": 'Operation cannot be fulfilled on pods "liquid-1": the object has been modified'})
    with pytest.raises(Temporary):
        await client.evict("shop", "liquid-1", uid="u1")


async def test_an_eviction_under_two_disruption_budgets_is_no_success_although_it_comes_with_201(
    api: FakeApiServer, client: KubeClient
) -> None:
    told = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
    api.fail(201, {"kind": "Status", "status": "Failure", "code": 500, "message": told})
    with pytest.raises(Permanent, match=r"create pods/eviction shop/web-1: .*Let one budget at most select the pod"):
        await client.evict("shop", "web-1", uid="u1")


async def test_an_eviction_names_the_pod_by_its_uid(api: FakeApiServer, client: KubeClient) -> None:
    api.cluster.put("pods", POD)
    await client.evict("shop", "web-1", uid="u1")
    (_, _, body), *_ = api.seen("POST", "/pods/web-1/eviction")
    assert body["apiVersion"] == "policy/v1"
    assert body["deleteOptions"] == {"preconditions": {"uid": "u1"}}


async def test_an_error_that_is_not_json_is_told_as_it_came(api: FakeApiServer, client: KubeClient) -> None:
    api.fail(503, "<html>upstream is starting</html>")
    with pytest.raises(Temporary, match="HTTP 503: <html>upstream is starting</html>"):
        await client.evict("shop", "web-1", uid="u1")


async def test_success_that_is_not_json_is_an_error(api: FakeApiServer, client: KubeClient) -> None:
    api.fail(200, "<html>welcome</html>")
    with pytest.raises(Temporary, match="not JSON"):
        await client.evict("shop", "web-1", uid="u1")


async def test_a_request_that_hangs_ends_with_its_time_out(api: FakeApiServer) -> None:
    api.hold(lambda _: True)
    hurried = KubeClient(api.connection(timeout_s=0.05))
    with pytest.raises(Temporary, match="create pods/eviction shop/web-1: no answer in time"):
        await hurried.evict("shop", "web-1", uid="u1")
    await hurried.close()


async def test_a_server_that_is_not_there_is_temporary(api: FakeApiServer) -> None:
    client = KubeClient(api.connection())
    await api._runner.cleanup()
    with pytest.raises(Temporary, match="no connection"):
        await client.evict("shop", "web-1", uid="u1")
    await client.close()


async def test_requests_are_counted_by_verb_resource_and_code(client: KubeClient) -> None:
    before = requests_counted("create", "pods/eviction", "404")
    await client.evict("shop", "nobody", uid="u1")
    assert requests_counted("create", "pods/eviction", "404") == before + 1


async def test_writes_carry_our_field_manager_and_user_agent(api: FakeApiServer, client: KubeClient) -> None:
    api.cluster.put("deployments", DEPLOYMENT)
    seen = await client.get_scale(WEB)
    await client.set_scale(WEB, replicas=3, seen=seen)
    (_, path, _), *_ = api.seen("PUT", "/scale")
    assert "fieldManager=foresail" in path
    assert api.headers[-1]["User-Agent"] == f"foresail/{__version__}"


async def test_an_event_has_all_that_the_api_asks_for(api: FakeApiServer, client: KubeClient) -> None:
    regarding = {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "web", "uid": "u"}
    await client.create_event(EventNote(regarding, "SuccessfulRescale", "Scale", "from 2 to 3", warning=True, related={"a": 1}))
    (event,) = api.cluster.list("events")
    assert event["metadata"]["namespace"] == "shop"
    assert event["metadata"]["name"].startswith("web.")
    assert event["eventTime"] == "2026-01-01T00:00:00.250000Z"
    assert (event["reportingController"], event["reportingInstance"]) == ("foresail.dev/autoscaler", "foresail-0")
    assert (event["reason"], event["action"], event["type"]) == ("SuccessfulRescale", "Scale", "Warning")
    assert (event["note"], event["regarding"], event["related"]) == ("from 2 to 3", regarding, {"a": 1})


async def test_events_with_one_subject_have_names_of_their_own_within_the_limit(api: FakeApiServer, client: KubeClient) -> None:
    note = EventNote({"kind": "Node", "name": "n" * 253}, "Healed", "Evict", "é" * 2000)
    await client.create_event(note)
    await client.create_event(note)
    events = api.cluster.list("events")
    assert len({event["metadata"]["name"] for event in events}) == 2
    assert all(len(event["metadata"]["name"]) <= 253 for event in events)
    assert all(event["metadata"]["namespace"] == "default" for event in events)
    assert all(len(event["note"].encode()) <= 1024 for event in events)


@pytest.mark.parametrize(("text", "limit", "expected"), [("abc", 3, "abc"), ("abcdef", 5, "ab…"), ("ééé", 5, "é…")])
def test_a_note_is_cut_at_a_whole_character(text: str, limit: int, expected: str) -> None:
    assert cut(text, limit) == expected


async def test_a_kubeconfig_and_its_context_are_used(api: FakeApiServer, tmp_path: Path) -> None:
    settings = KubernetesSettings(kubeconfig=str(api.kubeconfig(tmp_path)), context="fake")
    client = await open_client(settings)
    await client.evict("shop", "web-1", uid="u1")
    assert api.headers[0]["Authorization"] == "Bearer a-token"
    await client.close()


async def test_however_many_watches_are_open_a_request_finds_a_connection(api: FakeApiServer, tmp_path: Path) -> None:
    client = await open_client(KubernetesSettings(kubeconfig=str(api.kubeconfig(tmp_path))))
    watches = [client.watch(PODS, None, {"resourceVersion": str(api.cluster.version)}, silence_s=60) for _ in range(130)]
    tasks = [asyncio.create_task(anext(watch)) for watch in watches]
    await until(lambda: len(api.watchers) == len(watches))
    await client.evict("shop", "web-1", uid="u1")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await client.close()


async def test_credentials_that_are_refused_are_read_again(api: FakeApiServer, tmp_path: Path) -> None:
    path = api.kubeconfig(tmp_path)
    client = await open_client(KubernetesSettings(kubeconfig=str(path)))
    api.fail(401, {"message": "Unauthorized"})
    path.write_text(path.read_text().replace("a-token", "b-token"))
    with pytest.raises(Temporary, match="credentials"):
        await client.evict("shop", "web-1", uid="u1")
    await client.evict("shop", "web-1", uid="u1")
    assert [headers["Authorization"] for headers in api.headers] == ["Bearer a-token", "Bearer b-token"]
    await client.close()


async def test_a_missing_kubeconfig_is_named(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match=r"nowhere.*kubeconfig"):
        await connect(KubernetesSettings(kubeconfig=str(tmp_path / "nowhere")))


async def test_a_context_that_does_not_exist_is_named(api: FakeApiServer, tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="prod"):
        await connect(KubernetesSettings(kubeconfig=str(api.kubeconfig(tmp_path)), context="prod"))


async def test_a_kubeconfig_that_is_not_yaml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("{]")
    with pytest.raises(Permanent, match="not YAML"):
        await connect(KubernetesSettings(kubeconfig=str(tmp_path / "config")))


async def test_inside_a_pod_a_missing_service_account_is_said() -> None:
    inside = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    with pytest.raises(Permanent, match="Service"):
        await connect(KubernetesSettings(), inside)


ATTEMPT = Attempt("update", "deployments/scale", "apps", "shop/web")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Permanent),
        (401, Temporary),
        (403, Permanent),
        (404, NotServed),
        (408, Temporary),
        (409, Temporary),
        (410, Expired),
        (418, Permanent),
        (422, Permanent),
        (429, Temporary),
        (500, Temporary),
        (503, Temporary),
        (599, Temporary),
    ],
)
def test_each_status_has_its_branch(status: int, error: type[Exception]) -> None:
    assert type(from_answer(ATTEMPT, status, {"message": "why"}, None)) is error


@pytest.mark.parametrize(
    ("resource", "group", "how"),
    [
        ("statefulsets/scale", "apps", "the chart's ClusterRole does"),
        ("rollouts/scale", "argoproj.io", "name the kind in the chart's rbac.extraScaleTargets"),
        ("replicationcontrollers/scale", "", "name the kind in the chart's rbac.extraScaleTargets"),
        ("events", "events.k8s.io", "the chart's ClusterRole does"),
    ],
)
def test_a_missing_right_says_whether_the_chart_gives_it_by_itself(resource: str, group: str, how: str) -> None:
    told = from_answer(Attempt("get", resource, group, "shop/web"), 403, {"message": "the user cannot get it"}, None)
    assert f'"{resource}" in API group "{group}" to the service account of foresail ({how})' in str(told)


def test_a_missing_right_of_a_person_is_nothing_that_the_chart_gives() -> None:
    attempt = Attempt("delete", "horizontalpodautoscalers", "autoscaling", "shop/web")
    for user, whose in (
        ("ann", "the user whom the cause names"),
        ("system:serviceaccount:ops:foresail", "the service account of"),
    ):
        told = from_answer(attempt, 403, {"message": f'x is forbidden: User "{user}" cannot delete resource "x"'}, None)
        assert f'in API group "autoscaling" to {whose}' in str(told)


@pytest.mark.parametrize(
    ("exception", "error"),
    [
        (TimeoutError(), Temporary),
        (aiohttp.ServerDisconnectedError(), Temporary),
        (aiohttp.ClientPayloadError(), Temporary),
        (aiohttp.InvalidURL("x"), Permanent),
        (orjson.JSONDecodeError("x", "y", 0), Temporary),
        (ssl.SSLError(), Permanent),
        (ConnectionResetError(), Temporary),
        (FileNotFoundError(), Permanent),
    ],
)
def test_each_foreign_exception_has_its_branch_and_names_the_object(exception: Exception, error: type[Exception]) -> None:
    mapped = from_exception(ATTEMPT, exception)
    assert type(mapped) is error
    assert str(mapped).startswith("update deployments/scale shop/web: ")
    assert isinstance(exception, FOREIGN)


async def test_cancelling_a_request_is_not_an_error_of_the_api_server(api: FakeApiServer, client: KubeClient) -> None:
    api.hold(lambda _: True)
    task = asyncio.create_task(client.evict("shop", "web-1", uid="u1"))
    await until(lambda: api.requests)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
