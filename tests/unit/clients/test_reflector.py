"""The cache of one kind, against an API server that pages, compacts, hangs and breaks."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest

from autoscaler.clients.kube.client import KubeClient
from autoscaler.clients.kube.reflector import Pace, Reflector
from autoscaler.clients.kube.resources import NODES, PODS, SCALED_OBJECTS, trim_pod, trim_scaled_object
from autoscaler.clock import ManualClock
from autoscaler.errors import Temporary
from autoscaler.telemetry import REGISTRY
from tests.fakes.api_server import FakeApiServer
from tests.fakes.waiting import until

QUICK = Pace(page_size=3, first_wait_s=0.01, longest_wait_s=0.04)


def a_pod(name: str, namespace: str = "shop", **labels: str) -> dict:
    return {"metadata": {"namespace": namespace, "name": name, "labels": labels}}


def names(store: Reflector) -> list[str]:
    return sorted(obj["metadata"]["name"] for obj in store.items())


def lists(api: FakeApiServer) -> int:
    return len([path for _, path, _ in api.requests if "/pods?" in path and "watch=" not in path and "continue=" not in path])


@asynccontextmanager
async def running(reflector: Reflector) -> AsyncIterator[Reflector]:
    task = asyncio.create_task(reflector.run())
    try:
        yield reflector
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def make(client: KubeClient) -> Callable[..., Reflector]:
    def build(**options: object) -> Reflector:
        return Reflector(client, PODS, **{"pace": QUICK, "clock": ManualClock(), "random": Random(1), **options})  # noqa: S311 - jitter

    return build


async def watching(api: FakeApiServer, count: int = 1) -> None:
    await until(lambda: len(api.watchers) >= count)


async def test_a_list_of_many_pages_is_read_whole(api: FakeApiServer, make: Callable[..., Reflector]) -> None:
    for number in range(8):
        api.cluster.put("pods", a_pod(f"web-{number}"))
    async with running(make()) as store:
        await store.wait_synced(15)
        assert len(names(store)) == 8
        assert len(api.seen("GET", "continue=")) == 2


async def test_changes_arrive_and_set_the_events_of_subscribers(api: FakeApiServer, make: Callable[..., Reflector]) -> None:
    changed = asyncio.Event()
    store = make()
    store.subscribe(changed)
    async with running(store):
        await store.wait_synced(15)
        await watching(api)
        changed.clear()
        api.cluster.put("pods", a_pod("web-1"))
        await asyncio.wait_for(changed.wait(), 15)
        assert names(store) == ["web-1"]
        api.cluster.put("pods", a_pod("web-1", version="2"))
        await until(lambda: store.get("shop", "web-1")["metadata"]["labels"] == {"version": "2"})
        api.cluster.delete("pods", "shop", "web-1")
        await until(lambda: not store.items())


async def test_objects_of_a_list_carry_their_kind_as_those_of_a_watch_do(
    api: FakeApiServer, make: Callable[..., Reflector]
) -> None:
    api.cluster.put("pods", a_pod("web-1"))
    async with running(make()) as store:
        await store.wait_synced(15)
        assert store.get("shop", "web-1")["kind"] == "Pod"


async def test_a_watch_that_ends_goes_on_from_the_last_version_without_a_list(
    api: FakeApiServer, make: Callable[..., Reflector]
) -> None:
    async with running(make()) as store:
        await store.wait_synced(15)
        await watching(api)
        api.bookmark("pods")
        await until(lambda: store._version == str(api.cluster.version))
        api.end_watches()
        await until(lambda: len(api.seen("GET", "watch=true")) == 2)
        api.cluster.put("pods", a_pod("web-1"))
        await until(lambda: names(store) == ["web-1"])
        assert lists(api) == 1


async def test_a_bookmark_moves_the_version_on_and_is_a_sign_of_life(
    api: FakeApiServer, make: Callable[..., Reflector]
) -> None:
    clock = ManualClock()
    async with running(make(clock=clock)) as store:
        await store.wait_synced(15)
        await watching(api)
        clock.advance(60)
        assert store.age_s() == 60
        api.cluster.put("nodes", {"metadata": {"name": "n1"}})  # the version moves, but no pod does
        api.bookmark("pods")
        await until(lambda: store.age_s() == 0)
        assert store._version == str(api.cluster.version)


async def test_a_connection_that_breaks_is_made_anew_and_nothing_is_missed(
    api: FakeApiServer, make: Callable[..., Reflector]
) -> None:
    async with running(make()) as store:
        await store.wait_synced(15)
        await watching(api)
        api.cluster.put("pods", a_pod("web-1"))
        await until(lambda: names(store) == ["web-1"])
        api.break_watches()
        await until(lambda: not api.watchers)
        api.cluster.put("pods", a_pod("web-2"))
        await until(lambda: names(store) == ["web-1", "web-2"])
        assert lists(api) == 1


@pytest.mark.parametrize("form", ["status", "event"])
async def test_a_version_too_old_leads_to_a_list_that_notices_deletions(
    api: FakeApiServer, make: Callable[..., Reflector], form: str
) -> None:
    api.gone_in_stream = form == "event"
    api.cluster.put("pods", a_pod("web-1"))
    api.cluster.put("pods", a_pod("web-2"))
    async with running(make()) as store:
        await store.wait_synced(15)
        await watching(api)
        gate = api.hold(lambda request: "watch" in request.query)
        api.break_watches()
        await until(lambda: not api.watchers)
        api.cluster.delete("pods", "shop", "web-1")
        api.cluster.forget_history()
        gate.set()
        await until(lambda: names(store) == ["web-2"])
        assert lists(api) == 2


async def test_a_page_that_expired_starts_the_list_anew(api: FakeApiServer, make: Callable[..., Reflector]) -> None:
    for number in range(5):
        api.cluster.put("pods", a_pod(f"web-{number}"))
    api.fail(410, {"code": 410, "reason": "Expired"}, when=lambda request: "continue" in request.query)
    async with running(make()) as store:
        await store.wait_synced(15)
        assert len(names(store)) == 5


async def test_old_objects_stay_old_until_the_last_page_of_a_new_list_is_there(
    api: FakeApiServer, make: Callable[..., Reflector]
) -> None:
    clock = ManualClock()
    for number in range(5):
        api.cluster.put("pods", a_pod(f"web-{number}"))
    async with running(make(clock=clock)) as store:
        await store.wait_synced(15)
        await watching(api)
        gate = api.hold(lambda request: "continue" in request.query)
        clock.advance(600)
        api.cluster.forget_history()
        api.break_watches()
        await until(lambda: len(api.seen("GET", "continue=")) == 2)
        assert store.age_s() == 600
        clock.advance(7)
        gate.set()
        await until(lambda: store.age_s() <= 7)


async def test_a_stream_that_says_nothing_for_too_long_is_made_anew(api: FakeApiServer, make: Callable[..., Reflector]) -> None:
    async with running(make(pace=Pace(silence_s=0.1, first_wait_s=0.01))) as store:
        await store.wait_synced(15)
        await until(lambda: len(api.seen("GET", "watch=true")) >= 2)
        assert lists(api) == 1


async def test_before_the_first_list_the_age_is_infinite_and_nothing_is_synced(make: Callable[..., Reflector]) -> None:
    store = make()
    assert (store.synced, store.age_s(), store.items()) == (False, math.inf, ())


async def test_waiting_for_the_first_list_ends_with_the_reason_it_does_not_come(
    api: FakeApiServer, make: Callable[..., Reflector]
) -> None:
    api.forbidden.add(("list", "pods"))
    async with running(make()) as store:
        await until(lambda: store.problem)
        with pytest.raises(Temporary, match=r'listing pods.*grant verb "list" on "pods"'):
            await store.wait_synced(0.01)


async def test_a_server_that_fails_is_asked_again_after_what_it_asks_for(
    api: FakeApiServer, make: Callable[..., Reflector]
) -> None:
    store = make()
    api.fail(503, times=2)
    async with running(store):
        await store.wait_synced(15)
    assert store._failed(Temporary("busy", retry_after_s=9), _never()) == 9


async def test_a_watch_that_is_ended_at_once_again_and_again_is_not_opened_without_a_pause(
    api: FakeApiServer, make: Callable[..., Reflector]
) -> None:
    store = make(pace=Pace(first_wait_s=30, longest_wait_s=60))
    async with running(store):
        await store.wait_synced(15)
        await watching(api)
        api.end_watches()
        await until(lambda: "ended it at once" in store.problem)
        assert len(api.seen("GET", "watch=true")) == 1


async def test_the_request_names_namespace_selector_and_a_random_end(
    api: FakeApiServer, make: Callable[..., Reflector]
) -> None:
    api.cluster.put("pods", a_pod("web-1", app="web"))
    api.cluster.put("pods", a_pod("db-1", app="db"))
    api.cluster.put("pods", a_pod("web-1", "other", app="web"))
    async with running(make(namespace="shop", selector="app=web")) as store:
        await store.wait_synced(15)
        await watching(api)
        assert [obj["metadata"]["namespace"] for obj in store.items()] == ["shop"]
        ((_, path, _),) = api.seen("GET", "watch=true")
        assert path.startswith("/api/v1/namespaces/shop/pods?")
        ends_s = int(path.partition("timeoutSeconds=")[2].partition("&")[0])
        assert 20 <= ends_s <= 28


async def test_cluster_wide_objects_are_found_without_a_namespace(api: FakeApiServer, client: KubeClient) -> None:
    api.cluster.put("nodes", {"metadata": {"name": "n1"}})
    async with running(Reflector(client, NODES, pace=QUICK)) as store:
        await store.wait_synced(15)
        assert store.get("", "n1")["kind"] == "Node"


async def test_only_what_trimming_leaves_is_kept(api: FakeApiServer, make: Callable[..., Reflector]) -> None:
    pod = a_pod("web-1")
    pod["metadata"]["managedFields"] = [{"manager": "kubelet"}]
    pod["spec"] = {"containers": [{"name": "app", "env": [{"name": "PASSWORD", "value": "x"}]}]}
    api.cluster.put("pods", pod)
    async with running(make(trim=trim_pod)) as store:
        await store.wait_synced(15)
        kept = store.get("shop", "web-1")
        assert "managedFields" not in kept["metadata"]
        assert kept["spec"] == {"containers": [{"name": "app"}]}


async def test_lists_are_counted_and_the_age_is_a_metric(api: FakeApiServer, make: Callable[..., Reflector]) -> None:
    before = REGISTRY.get_sample_value("foresail_watch_relists_total", {"resource": "pods"}) or 0
    clock = ManualClock()
    async with running(make(clock=clock)) as store:
        await store.wait_synced(15)
        await watching(api)
        clock.advance(12)
        assert REGISTRY.get_sample_value("foresail_watch_relists_total", {"resource": "pods"}) == before + 1
        assert REGISTRY.get_sample_value("foresail_watch_age_seconds", {"resource": "pods"}) == 12


async def test_an_object_larger_than_any_line_buffer_arrives(api: FakeApiServer, make: Callable[..., Reflector]) -> None:
    async with running(make()) as store:
        await store.wait_synced(15)
        await watching(api)
        api.cluster.put("pods", a_pod("web-1", blob="x" * 5_000_000))
        await until(store.items, deadline_s=20)
        assert len(store.get("shop", "web-1")["metadata"]["labels"]["blob"]) == 5_000_000


def _never() -> object:
    class Zero:
        def next_s(self) -> float:
            return 0.0

    return Zero()


async def test_an_optional_kind_that_is_not_there_is_an_empty_cache_until_it_comes_and_after_it_goes(
    api: FakeApiServer, client: KubeClient
) -> None:
    pace = Pace(first_wait_s=0.01, longest_wait_s=0.04, look_again_s=0.01)
    store = Reflector(client, SCALED_OBJECTS, trim=trim_scaled_object, optional=True, pace=pace, clock=ManualClock())
    told = asyncio.Event()
    store.subscribe(told)
    async with running(store):
        await store.wait_synced(15)
        assert told.is_set()
        assert (store.synced, names(store), store.age_s()) == (True, [], 0.0)
        told.clear()
        ref = {"kind": "Deployment", "name": "web"}
        api.cluster.put("scaledobjects", {**a_pod("web"), "spec": {"scaleTargetRef": ref, "triggers": [{"type": "cron"}]}})
        api.absent.clear()
        await until(lambda: names(store) == ["web"])
        assert store.get("shop", "web")["spec"] == {"scaleTargetRef": ref}
        await watching(api)
        api.absent.add("scaledobjects")
        api.end_watches()
        await until(lambda: names(store) == [])
        assert store.synced
    assert told.is_set()


async def test_an_optional_kind_that_may_not_be_listed_is_not_taken_for_one_that_is_not_there(
    api: FakeApiServer, client: KubeClient
) -> None:
    cause = 'User "system:serviceaccount:foresail:foresail" cannot list resource "scaledobjects"'
    api.fail(403, {"message": cause}, times=1000)
    store = Reflector(client, SCALED_OBJECTS, optional=True, pace=QUICK, clock=ManualClock())
    async with running(store):
        await until(lambda: store.problem)
    assert (store.synced, store.age_s()) == (False, math.inf)
    assert 'grant verb "list" on "scaledobjects" in API group "keda.sh" to the service account of foresail' in store.problem


async def test_a_kind_that_must_be_there_and_is_not_keeps_the_cache_unfilled(client: KubeClient) -> None:
    store = Reflector(client, SCALED_OBJECTS, pace=QUICK, clock=ManualClock())
    async with running(store):
        with pytest.raises(Temporary, match=r"list scaledobjects.*404"):
            await store.wait_synced(0.2)
    assert not store.synced
