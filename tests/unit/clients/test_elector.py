"""Leader election: two or three replicas, one Lease, a clock moved by hand."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from autoscaler.clients.kube.client import KubeClient
from autoscaler.clients.kube.elector import Elector, new_identity, own_namespace
from autoscaler.clock import ManualClock
from autoscaler.errors import InvalidSettings
from autoscaler.settings import LeaderElectionSettings
from autoscaler.telemetry import REGISTRY
from tests.fakes.api_server import FakeApiServer
from tests.fakes.waiting import until

SETTINGS = LeaderElectionSettings(namespace="foresail")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_767_225_600.0)


@pytest.fixture
async def a(client: KubeClient, clock: ManualClock) -> AsyncIterator[Elector]:
    return an_elector("a", client, clock)


@pytest.fixture
async def b(client: KubeClient, clock: ManualClock) -> AsyncIterator[Elector]:
    return an_elector("b", client, clock)


def an_elector(identity: str, client: KubeClient, clock: ManualClock, settings: LeaderElectionSettings = SETTINGS) -> Elector:
    return Elector(client, settings, "foresail", identity, clock, Random(1))  # noqa: S311 - jitter


def lease(api: FakeApiServer) -> dict:
    return api.cluster.get("leases", "foresail", "foresail")["spec"]


async def test_the_first_creates_the_lease_and_leads(api: FakeApiServer, a: Elector) -> None:
    await a.step()
    assert a.is_leader()
    assert lease(api) == {
        "holderIdentity": "a",
        "leaseDurationSeconds": 15,
        "acquireTime": "2026-01-01T00:00:00.000000Z",
        "renewTime": "2026-01-01T00:00:00.000000Z",
        "leaseTransitions": 0,
    }


async def test_a_lease_never_ends_before_its_holder_stops_acting(
    api: FakeApiServer, client: KubeClient, clock: ManualClock
) -> None:
    settings = LeaderElectionSettings(namespace="foresail", lease_duration_s=10.4, renew_deadline_s=10.2)
    await an_elector("a", client, clock, settings).step()
    assert lease(api)["leaseDurationSeconds"] == 11


async def test_the_second_waits_while_the_first_renews(a: Elector, b: Elector, clock: ManualClock) -> None:
    for _ in range(20):
        await a.step()
        await b.step()
        clock.advance(2)
        assert (a.is_leader(), b.is_leader()) == (True, False)


async def test_renewing_keeps_the_time_of_acquisition(api: FakeApiServer, a: Elector, clock: ManualClock) -> None:
    await a.step()
    clock.advance(2)
    await a.step()
    assert lease(api)["acquireTime"] == "2026-01-01T00:00:00.000000Z"
    assert lease(api)["renewTime"] == "2026-01-01T00:00:02.000000Z"
    assert lease(api)["leaseTransitions"] == 0


async def test_a_leader_renews_with_one_request(api: FakeApiServer, a: Elector) -> None:
    await a.step()
    api.requests.clear()
    await a.step()
    assert [method for method, _, _ in api.requests] == ["PUT"]


async def test_a_leader_that_cannot_renew_stops_before_another_can_take_over(
    api: FakeApiServer, a: Elector, b: Elector, clock: ManualClock
) -> None:
    await a.step()
    await b.step()
    together = 0
    for _ in range(40):
        clock.advance(0.5)
        api.fail(503)
        await a.step()  # its renewals fail from now on
        await b.step()
        together += a.is_leader() and b.is_leader()
    assert together == 0
    assert (a.is_leader(), b.is_leader()) == (False, True)


async def test_a_leader_fences_itself_without_doing_anything(a: Elector, clock: ManualClock) -> None:
    await a.step()
    clock.advance(9.9)
    assert a.is_leader()
    clock.advance(0.1)
    assert not a.is_leader()


async def test_a_renewal_counts_from_when_it_was_sent(api: FakeApiServer, a: Elector, clock: ManualClock) -> None:
    await a.step()
    gate = api.hold(lambda request: request.method == "PUT")
    task = asyncio.create_task(a.step())
    await until(lambda: api.seen("PUT", "leases"))
    clock.advance(6)
    gate.set()
    await task
    clock.advance(4)
    assert not a.is_leader()


async def test_a_takeover_counts_a_transition(api: FakeApiServer, a: Elector, b: Elector, clock: ManualClock) -> None:
    await a.step()
    await b.step()
    clock.advance(15.1)
    await b.step()
    assert (lease(api)["holderIdentity"], lease(api)["leaseTransitions"]) == ("b", 1)


async def test_the_end_of_a_lease_is_measured_since_we_saw_it_change_not_by_its_own_clock(
    api: FakeApiServer, b: Elector, clock: ManualClock
) -> None:
    spec = {"holderIdentity": "a", "leaseDurationSeconds": 15, "renewTime": "2001-01-01T00:00:00.000000Z"}
    api.cluster.put("leases", {"metadata": {"namespace": "foresail", "name": "foresail"}, "spec": spec})
    await b.step()
    assert not b.is_leader()
    clock.advance(15.1)
    await b.step()
    assert b.is_leader()


async def test_a_leader_that_was_replaced_stops_at_once(api: FakeApiServer, a: Elector, b: Elector, clock: ManualClock) -> None:
    await a.step()
    clock.advance(1)
    stolen = {**lease(api), "holderIdentity": "b"}
    api.cluster.put("leases", {"metadata": {"namespace": "foresail", "name": "foresail"}, "spec": stolen})
    await a.step()
    assert not a.is_leader()
    await b.step()
    assert b.is_leader()


async def test_a_write_by_somebody_who_is_no_rival_does_not_cost_the_lease(
    api: FakeApiServer, a: Elector, clock: ManualClock
) -> None:
    await a.step()
    meta = {"namespace": "foresail", "name": "foresail", "labels": {"touched": "yes"}}
    api.cluster.put("leases", {"metadata": meta, "spec": lease(api)})
    clock.advance(2)
    await a.step()
    clock.advance(2)
    await a.step()
    assert a.is_leader()
    assert lease(api)["renewTime"] == "2026-01-01T00:00:04.000000Z"


async def test_two_that_take_a_free_lease_at_once_do_not_both_get_it(api: FakeApiServer, a: Elector, b: Elector) -> None:
    gate = api.hold(lambda request: request.method == "POST")
    tasks = [asyncio.create_task(one.step()) for one in (a, b)]
    await until(lambda: len(api.seen("POST", "leases")) == 2)
    gate.set()
    await asyncio.gather(*tasks)
    assert sorted([a.is_leader(), b.is_leader()]) == [False, True]


async def test_a_renewal_that_was_written_but_not_answered_is_read_before_the_next(
    api: FakeApiServer, a: Elector, clock: ManualClock
) -> None:
    await a.step()
    gate = api.hold(lambda request: request.method == "PUT")
    a.settings = LeaderElectionSettings(namespace="foresail", retry_period_s=0.1)
    await a.step()  # times out after 0.09 s, below the retry period
    assert a.is_leader()
    gate.set()
    a.settings = SETTINGS
    await a.step()
    clock.advance(9)
    assert a.is_leader()
    assert [method for method, _, _ in api.requests][-2:] == ["GET", "PUT"]


async def test_stopping_gives_the_lease_back_and_the_next_need_not_wait(api: FakeApiServer, a: Elector, b: Elector) -> None:
    task = asyncio.create_task(a.run())
    await until(a.is_leader)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert lease(api)["holderIdentity"] == ""
    assert not a.is_leader()
    await b.step()
    assert b.is_leader()
    assert lease(api)["leaseTransitions"] == 1


async def test_one_that_never_led_does_not_touch_the_lease_when_it_stops(api: FakeApiServer, a: Elector, b: Elector) -> None:
    await a.step()
    await b.step()
    await b.release()
    assert lease(api)["holderIdentity"] == "a"


async def test_stopping_while_the_api_server_is_away_ends_all_the_same(api: FakeApiServer, a: Elector) -> None:
    await a.step()
    api.fail(503)
    await a.release()
    assert not a.is_leader()


async def test_those_who_wait_try_at_random_times_and_the_leader_at_fixed_ones(a: Elector, b: Elector) -> None:
    assert {await a.step() for _ in range(3)} == {2.0}
    waits = {await b.step() for _ in range(5)}
    assert len(waits) == 5
    assert all(2.0 <= wait <= 4.4 for wait in waits)


async def test_leadership_that_comes_and_goes_is_told(a: Elector, clock: ManualClock, api: FakeApiServer) -> None:
    told = asyncio.Event()
    a.subscribe(told)
    await a.step()
    assert told.is_set()
    told.clear()
    clock.advance(11)
    api.fail(503)
    await a.step()
    assert told.is_set()


async def test_without_election_everybody_leads_and_no_lease_is_made(
    api: FakeApiServer, client: KubeClient, clock: ManualClock
) -> None:
    alone = an_elector("a", client, clock, LeaderElectionSettings(enabled=False))
    task = asyncio.create_task(alone.run())
    await asyncio.sleep(0)
    assert alone.is_leader()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert api.requests == []


async def test_the_metric_falls_with_the_fence_itself(a: Elector, clock: ManualClock) -> None:
    task = asyncio.create_task(a.run())
    await until(a.is_leader)
    assert REGISTRY.get_sample_value("foresail_leader") == 1
    clock.advance(10)
    assert REGISTRY.get_sample_value("foresail_leader") == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_the_namespace_is_the_settings_or_the_pods_own(tmp_path: Path) -> None:
    file = tmp_path / "namespace"
    file.write_text("system\n")
    assert own_namespace(LeaderElectionSettings(namespace="x"), file) == "x"
    assert own_namespace(LeaderElectionSettings(), file) == "system"
    with pytest.raises(InvalidSettings, match=r"leader_election.namespace"):
        own_namespace(LeaderElectionSettings(), tmp_path / "nowhere")


def test_every_process_has_an_identity_of_its_own() -> None:
    assert new_identity() != new_identity()
