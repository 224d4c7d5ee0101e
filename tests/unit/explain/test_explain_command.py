"""`foresail explain` asks the object, then the replica that leads; what keeps it from that is told with the remedy."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from click.testing import Result
from typer.testing import CliRunner

from autoscaler import telemetry
from autoscaler.board import Board
from autoscaler.cli import app
from autoscaler.clients.decisions import Where
from autoscaler.clock import ManualClock
from autoscaler.commands.explain import Paper, Wanted, explain, key_of
from autoscaler.errors import Permanent
from autoscaler.model import ObjectKey
from autoscaler.web.app import Sources, build
from tests.fakes.api_server import FakeApiServer
from tests.unit.loops.scenes import NAMESPACE, NOW_S, Scene, a_shop

SHOP = ObjectKey(NAMESPACE, "shop")
SYSTEM = "foresail"
LABELS = {"app.kubernetes.io/part-of": "foresail", "app.kubernetes.io/component": "service"}


@dataclass(slots=True)
class World:
    """A cluster with the shop, Foresail's Service with a pod that stands by and one that leads, and a folder."""

    scene: Scene
    api: FakeApiServer
    folder: Path
    leader_url: str = ""
    standby_url: str = ""
    out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    async def run(self, *arguments: str) -> Result:
        """Run the program, in a thread, as it has an event loop of its own."""
        words = ["explain", *arguments, "--kubeconfig", str(self.api.kubeconfig(self.folder))]
        return await asyncio.to_thread(CliRunner().invoke, app, words)

    async def follow(self, *steps: Callable[[], Awaitable[None]]) -> None:
        """Explain with --watch, through a look before and one after each step."""
        left = list(steps)

        async def again() -> bool:
            if not left:
                return False
            await left.pop(0)()
            return True

        connection = self.api.connection()
        try:
            wanted = Wanted(SHOP, 3, watch=True)
            await explain(connection, wanted, Paper(self.out.append, self.notes.append), self.scene.clock, again)
        finally:
            await connection.close()

    def put_service(self, name: str = "foresail", namespace: str = SYSTEM) -> None:
        """Put a Service of Foresail."""
        meta = {"namespace": namespace, "name": name, "labels": LABELS}
        self.api.cluster.put("services", {"metadata": meta, "spec": {"selector": LABELS}})

    def put_pod(self, name: str, url: str) -> None:
        """Put a pod of Foresail in which something answers."""
        meta = {"namespace": SYSTEM, "name": name, "labels": LABELS}
        container = {"name": "foresail", "ports": [{"name": "http", "containerPort": 8080}]}
        pod = {"metadata": meta, "spec": {"containers": [container]}, "status": {"phase": "Running"}}
        self.api.cluster.put("pods", pod)
        self.api.proxied[f"{name}:8080"] = url


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """No test sees the series or the log of another."""
    for metric in vars(telemetry).values():
        if getattr(metric, "_labelnames", ()):
            metric.clear()
    yield
    structlog.reset_defaults()


def site(board: Board, *, leads: bool) -> TestServer:
    """Serve the web side of a replica."""
    return TestServer(build(Sources(board, ManualClock(NOW_S), lambda: leads, lambda: True, list)))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """The shop was scaled from 2 to 4 and has been in balance since."""
    scene = a_shop(replicas=2)
    scene.use_cpu(0.160)
    await scene.scaling.once()
    for _ in range(3):
        scene.clock.advance(15)
        scene.deploy(replicas=4)
        scene.use_cpu(0.080)
        await scene.scaling.once()
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(FakeApiServer(scene.cluster))
        standby = await stack.enter_async_context(site(Board(), leads=False))
        leader = await stack.enter_async_context(site(scene.board, leads=True))
        made = World(scene, api, tmp_path, str(leader.make_url("")).rstrip("/"), str(standby.make_url("")).rstrip("/"))
        made.put_service()
        made.put_pod("foresail-a", made.standby_url)
        made.put_pod("foresail-b", made.leader_url)
        yield made


async def test_the_last_decisions_come_from_the_replica_that_leads_through_the_api_server(world: World) -> None:
    result = await world.run("default/shop")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0] == "PredictiveAutoscaler default/shop: Deployment/shop, mode Scale, 1 to 10 replicas"
    heads = [line for line in lines if line.startswith("2027")]
    assert [head.rpartition(": ")[2] for head in heads] == ["scale up from 2 to 4 (AboveTarget)", "stay at 4 (WithinTolerance)"]
    assert "and 2 times since" in heads[1]
    assert "\x1b" not in result.output
    asked = [path.split("/pods/")[1].split("/")[0] for _, path, _ in world.api.requests if "/proxy/" in path]
    assert [address.replace("%3A", ":") for address in asked] == ["foresail-a:8080", "foresail-b:8080"]


async def test_one_decision_is_the_newest_and_json_holds_everything(world: World) -> None:
    result = await world.run("default/shop", "-n", "1", "-o", "json")
    content = json.loads(result.stdout)
    assert (content["namespace"], content["name"], content["source"]) == ("default", "shop", "service")
    (decision,) = content["decisions"]
    assert (decision["desired"], decision["passes"], decision["result"]) == (4, 3, "held")
    assert {"candidates", "limits", "metrics", "pods"} <= decision.keys()


async def test_a_change_that_the_service_has_forgotten_comes_from_the_status(world: World) -> None:
    world.scene.board.outcomes.forget(SHOP)
    await world.scene.scaling.once()
    content = json.loads((await world.run("default/shop", "-o", "json")).stdout)
    assert [(row["result"], row["desired"]) for row in content["decisions"]] == [("done", 4), ("held", 4)]
    assert content["source"] == "service"


async def test_a_service_can_be_named_by_its_url(world: World) -> None:
    world.api.cluster.delete("services", SYSTEM, "foresail")
    result = await world.run("default/shop", "--service-url", world.leader_url + "/")
    assert result.stderr == ""
    assert "scale up from 2 to 4 (AboveTarget)" in result.stdout


async def answered(world: World, content: object, status: int = 200) -> Result:
    """Explain what something else answers in the place of the service."""
    web_app = web.Application()

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(content, status=status)

    web_app.router.add_get("/api/v1/autoscalers/default/shop/decisions", answer)
    async with TestServer(web_app) as server:
        return await world.run("default/shop", "--service-url", str(server.make_url("")))


async def test_a_decision_of_another_form_is_shown_as_it_came_beside_the_others(world: World) -> None:
    good = {"at": "2027-01-15T08:00:00Z", "action": "hold", "current": 4, "desired": 4, "reason": "A", "result": "done"}
    odd = {**good, "at": "2027-01-15T08:01:00Z", "passes": ["\x1b[2J"], "reason": "B"}
    result = await answered(world, {"decisions": [good, odd]})
    assert result.exit_code == 0, result.output
    assert "stay at 4 (A)" in result.stdout
    assert "2027-01-15T08:01:00Z: written by another version of the service, as it seems" in result.stdout
    assert r"\u001b[2J" in result.stdout
    assert "\x1b" not in result.output


async def test_an_answer_that_holds_no_decisions_is_told_without_its_terminal_commands(world: World) -> None:
    for content, status in (({"decisions": [1, None]}, 200), ({"error": "\x1b[2J\u202e"}, 500)):
        result = await answered(world, content, status)
        assert result.exit_code == 0, result.output
        assert "this is what the status holds" in result.stderr
        assert not {"\x1b", "\u202e"} & set(result.output)


async def test_a_service_can_be_named_by_namespace_and_name(world: World) -> None:
    world.put_service("other", "elsewhere")
    result = await world.run("default/shop", "--service-namespace", SYSTEM, "--service-name", "foresail")
    assert result.stderr == ""
    assert (await world.run("default/shop", "--service-name", "foresail")).stderr == ""


def without_service(world: World) -> None:
    world.api.cluster.delete("services", SYSTEM, "foresail")


def two_services(world: World) -> None:
    world.put_service("other", "elsewhere")


def no_leader(world: World) -> None:
    world.api.cluster.delete("pods", SYSTEM, "foresail-b")


def no_pods(world: World) -> None:
    no_leader(world)
    world.api.cluster.delete("pods", SYSTEM, "foresail-a")


def no_way_to_pods(world: World) -> None:
    world.api.proxied.clear()


def forbidden(*rights: tuple[str, str]) -> Callable[[World], None]:
    return lambda world: world.api.forbidden.update(rights)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (without_service, ["there is no Service with the labels", "--service-namespace and --service-name", "--service-url"]),
        (two_services, ["several Services", "elsewhere/other, foresail/foresail", "--service-name"]),
        (no_leader, ["stands by", "kubectl port-forward"]),
        (no_pods, ["none of its pods runs"]),
        (no_way_to_pods, ["connection refused"]),
        (forbidden(("list", "services")), ['"list" services', "in all namespaces", "--service-namespace"]),
        (forbidden(("list", "pods")), ['"list" pods', "in namespace foresail"]),
        (forbidden(("get", "pods/proxy")), ['"get" pods/proxy', "in namespace foresail", "--service-url"]),
    ],
)
async def test_a_service_that_cannot_be_asked_leaves_what_the_status_holds_and_says_so(
    world: World, harm: Callable[[World], None], words: list[str]
) -> None:
    harm(world)
    result = await world.run("default/shop")
    assert result.exit_code == 0
    assert result.stderr.startswith("foresail: this is what the status holds, the service could not be asked: ")
    for word in words:
        assert word in result.stderr
    heads = [line.rpartition(": ")[2] for line in result.stdout.splitlines() if line.startswith("2027")]
    assert heads == ["scale up from 2 to 4 (AboveTarget)", "stay at 4 (WithinTolerance)"]
    one = await world.run("default/shop", "-n", "1", "-o", "json")
    assert json.loads(one.stdout)["source"] == "status"
    assert [row["desired"] for row in json.loads(one.stdout)["decisions"]] == [4]


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "nonsense", "{standby}", "{leader}/healthz"])
async def test_a_wrong_url_is_told_and_the_status_stands_in(world: World, url: str) -> None:
    given = url.format(port=unused_port(), standby=world.standby_url, leader=world.leader_url)
    result = await world.run("default/shop", "--service-url", given)
    assert result.exit_code == 0
    assert "check --service-url" in result.stderr
    assert "stay at 4" in result.stdout


@pytest.mark.parametrize("name", ["shop", "default/", "/shop", "Default/shop", "default/shop/x", "default/s hop", "a/b\x1b"])
async def test_a_name_that_is_none_is_told_with_how_to_write_it(world: World, name: str) -> None:
    result = await world.run(name)
    assert result.exit_code == 1
    assert "write NAMESPACE/NAME" in result.stderr
    assert "\x1b" not in result.output
    assert world.api.requests == []


async def test_an_output_that_is_none_is_refused(world: World) -> None:
    result = await world.run("default/shop", "-o", "yaml")
    assert result.exit_code == 2
    assert "text or json" in result.output


async def test_an_object_that_is_not_there_is_told_with_how_to_find_it(world: World) -> None:
    result = await world.run("default/nobody")
    assert result.exit_code == 1
    assert "there is no PredictiveAutoscaler default/nobody" in result.stderr
    assert "kubectl get predictiveautoscalers -A" in result.stderr


async def test_a_cluster_without_our_kinds_is_told(world: World) -> None:
    world.api.fail(404, "404 page not found")
    result = await world.run("default/shop")
    assert result.exit_code == 1
    assert "are the CRDs of Foresail's chart installed" in result.stderr


async def test_an_answer_that_is_no_object_is_told(world: World) -> None:
    world.api.fail(200, {})
    result = await world.run("default/shop")
    assert result.exit_code == 1
    assert "what answers is no API server of Kubernetes; check the kubeconfig" in result.stderr


async def test_lists_of_something_else_leave_what_the_status_holds(world: World) -> None:
    for resource in ("services", "pods"):
        world.api.fail(200, {"items": [1, {}, {"metadata": {}}]}, when=lambda request, part=resource: part in request.path)
        result = await world.run("default/shop")
        assert "this is what the status holds" in result.stderr, result.output


async def test_a_missing_right_to_the_object_is_told_with_what_to_ask_for(world: World) -> None:
    world.api.forbidden.add(("get", "predictiveautoscalers"))
    result = await world.run("default/shop")
    assert result.exit_code == 1
    assert 'ask for the right to "get" predictiveautoscalers (API group "foresail.dev") in namespace default' in result.stderr


async def test_the_environment_names_the_cluster_as_it_does_for_all_commands(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORESAIL_KUBERNETES__KUBECONFIG", str(world.api.kubeconfig(world.folder)))
    result = await asyncio.to_thread(CliRunner().invoke, app, ["explain", "default/shop"])
    assert result.exit_code == 0, result.output
    monkeypatch.setenv("FORESAIL_KUBERNETES__CONTEXT", "elsewhere")
    result = await asyncio.to_thread(CliRunner().invoke, app, ["explain", "default/shop"])
    assert "elsewhere" in result.stderr
    monkeypatch.setenv("FORESAIL_KUBERNETES__REQUEST_TIMEOUT_S", "soon")
    result = await asyncio.to_thread(CliRunner().invoke, app, ["explain", "default/shop"])
    assert "FORESAIL_KUBERNETES__REQUEST_TIMEOUT_S" in result.stderr


async def test_a_kubeconfig_that_is_not_there_is_told(world: World) -> None:
    arguments = ["explain", "default/shop", "--kubeconfig", str(world.folder / "none")]
    result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    assert result.exit_code == 1
    assert "none" in result.stderr
    assert "Traceback" not in result.output


async def test_an_invalid_object_is_explained_by_its_condition(world: World) -> None:
    world.scene.autoscale(minReplicas=9, maxReplicas=3)
    await world.scene.scaling.once()
    result = await world.run("default/shop")
    assert result.exit_code == 1
    assert "Valid is False (InvalidSpec): spec." in result.stderr


async def test_an_object_about_which_nothing_was_decided_says_where_to_look(world: World) -> None:
    world.scene.autoscale("new")
    result = await world.run("default/new")
    assert result.exit_code == 1
    assert "nothing has been decided about it yet" in result.stderr
    world.scene.autoscale("lost", target="nothing")
    await world.scene.scaling.once()
    assert "AbleToScale is False (FailedGetScale)" in (await world.run("default/lost")).stderr


async def test_watching_prints_each_new_decision_once(world: World) -> None:
    async def nothing() -> None:
        pass

    async def busy() -> None:
        world.scene.clock.advance(15)
        world.scene.use_cpu(0.120)
        await world.scene.scaling.once()

    await world.follow(nothing, busy, nothing)
    heads = [line.rpartition(": ")[2] for line in world.out if line.startswith("2027")]
    assert heads == ["scale up from 2 to 4 (AboveTarget)", "stay at 4 (WithinTolerance)", "scale up from 4 to 6 (AboveTarget)"]
    assert world.notes == []


async def test_watching_goes_on_when_something_is_away_and_says_so_once(world: World) -> None:
    async def cut_off() -> None:
        world.api.proxied.clear()

    async def sick() -> None:
        world.api.fail(503, "apiserver not ready")

    async def back() -> None:
        world.put_pod("foresail-b", world.leader_url)

    await world.follow(cut_off, cut_off, sick, back)
    assert [("could not be asked" in note, "503" in note) for note in world.notes] == [(True, False), (False, True)]


async def test_watching_ends_when_the_object_is_gone(world: World) -> None:
    async def delete() -> None:
        world.scene.cluster.delete("predictiveautoscalers", NAMESPACE, "shop")

    with pytest.raises(Permanent, match="there is no PredictiveAutoscaler default/shop"):
        await world.follow(delete)


def test_a_name_is_read_as_it_is_written() -> None:
    assert key_of("default/shop") == SHOP
    assert Where() == Wanted(SHOP, 1).where
