"""Models are learnt on a real Dask cluster of several processes, and here where it cannot be reached."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog

from autoscaler.clients import dask_job
from autoscaler.clients.ports import Workers
from autoscaler.clock import ManualClock
from autoscaler.errors import Temporary
from autoscaler.forecasting.peaks.model import fit
from autoscaler.telemetry import REGISTRY
from tests.fakes.dask_cluster import a_cluster
from tests.fakes.jobs import about_this_process, rows, wait_for
from tests.fakes.waiting import until
from tests.fakes.workers import FakeWorkers

pytestmark = pytest.mark.slow
NOWHERE = "tcp://127.0.0.1:1"
soon = partial(until, deadline_s=60.0)  # a process is started, which takes seconds on a busy machine


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with a_cluster(3) as made:
        yield made


@pytest.fixture
def here() -> FakeWorkers:
    return FakeWorkers()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(0.0)


@pytest.fixture
async def workers(cluster: Any, here: FakeWorkers, clock: ManualClock) -> AsyncIterator[Workers]:  # noqa: ANN401 - no types
    made = at(cluster.scheduler_address, here, clock)
    yield made
    await made.close()


def at(address: str, here: Workers, clock: ManualClock, **times: float) -> Any:  # noqa: ANN401 - the extra may be missing
    from autoscaler.clients.dask_workers import DaskWorkers  # noqa: PLC0415 - likewise

    return DaskWorkers(address, here, clock, **times)


def counted(result: str) -> float:
    return REGISTRY.get_sample_value("foresail_learning_jobs_total", {"where": "dask", "result": result}) or 0.0


async def test_models_learnt_at_once_on_several_workers_are_those_that_would_be_learnt_here(
    workers: Workers, here: FakeWorkers, tmp_path: Path
) -> None:
    begun, file = tmp_path / "begun", tmp_path / "go"
    waiting = [asyncio.create_task(workers.run(wait_for, str(begun), str(file))) for _ in range(3)]
    await soon(lambda: begun.exists() and len(begun.read_text().split()) == 3)
    file.touch()
    assert len(set(await asyncio.gather(*waiting)) - {os.getpid()}) == 3
    done = counted("done")
    learnt = await asyncio.gather(*(workers.run(fit, [rows(seed)]) for seed in range(6)))
    unseen = rows(99).features
    assert [model.rises(unseen).tobytes() for model in learnt] == [
        fit([rows(seed)]).rises(unseen).tobytes() for seed in range(6)
    ]
    assert here.learnt == []
    assert counted("done") == done + 6


async def test_the_job_of_a_worker_that_is_killed_is_done_by_another(
    workers: Workers, here: FakeWorkers, tmp_path: Path
) -> None:
    begun, file = tmp_path / "begun", tmp_path / "go"
    job = asyncio.create_task(workers.run(wait_for, str(begun), str(file), what="a model"))
    await soon(lambda: begun.exists() and begun.read_text().endswith("\n"))
    first = int(begun.read_text())
    os.kill(first, 9)
    await soon(lambda: len(begun.read_text().split()) == 2)
    file.touch()
    assert await job not in {first, os.getpid()}
    assert here.learnt == []


async def test_a_job_that_kills_every_worker_is_not_done_here_as_well(here: FakeWorkers, clock: ManualClock) -> None:
    with a_cluster(1) as cluster:
        workers, lost = at(cluster.scheduler_address, here, clock), counted("lost")
        with pytest.raises(Temporary, match=r"learning a large model: the workers of Dask .* give them more memory"):
            await workers.run(os._exit, 9, what="a large model")
        assert here.learnt == []
        assert counted("lost") == lost + 1
        await workers.close()


async def test_without_a_scheduler_it_is_learnt_here_told_once_and_tried_again_later(
    cluster: Any,  # noqa: ANN401 - no types
    here: FakeWorkers,
    clock: ManualClock,
) -> None:
    workers, lost = at(NOWHERE, here, clock, connect_s=0.5), counted("lost")
    with structlog.testing.capture_logs() as logs:
        assert await asyncio.gather(*(workers.run(abs, -1, what=f"{n}") for n in range(2))) == [1, 1]
        assert await workers.run(abs, -2, what="2") == 2
        assert counted("lost") == lost + 2  # the third was not even tried there
        clock.advance(61)
        assert await workers.run(abs, -3, what="3") == 3
        assert counted("lost") == lost + 3
        clock.advance(61)
        workers.address = cluster.scheduler_address
        assert (await workers.run(about_this_process))[0] != os.getpid()
    assert here.learnt == ["0", "1", "2", "3"]
    assert [(one["event"], one["log_level"]) for one in logs] == [("dask_lost", "warning"), ("dask_found_again", "info")]
    assert NOWHERE in logs[0]["address"]
    await workers.close()


async def test_where_the_scheduler_goes_away_in_the_middle_the_job_is_done_here(
    here: FakeWorkers, clock: ManualClock, tmp_path: Path
) -> None:
    begun, file = tmp_path / "begun", tmp_path / "go"
    with a_cluster(1) as cluster:
        workers = at(cluster.scheduler_address, here, clock, connect_s=1.0)
        job = asyncio.create_task(workers.run(wait_for, str(begun), str(file), what="a model"))
        await soon(lambda: begun.exists() and begun.read_text().endswith("\n"))
        file.touch()
        here.die()  # so that it shows who was asked
        await asyncio.to_thread(cluster.close)
    with pytest.raises(Temporary, match="SIGKILL"):
        await job
    assert here.learnt == ["a model"]
    await workers.close()


async def test_a_cluster_without_workers_is_no_cluster(here: FakeWorkers, clock: ManualClock) -> None:
    with a_cluster(0) as cluster, structlog.testing.capture_logs() as logs:
        workers = at(cluster.scheduler_address, here, clock)
        assert await workers.run(abs, -1, what="a model") == 1
        await workers.close()
    assert here.learnt == ["a model"]
    assert logs[0]["error"] == "it has no workers"


async def test_workers_of_another_version_do_nothing(
    workers: Workers, here: FakeWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = tuple((name, "0.0.9" if name == "Foresail" else number) for name, number in dask_job.versions())
    monkeypatch.setattr("autoscaler.clients.dask_workers.versions", lambda: ours)
    with structlog.testing.capture_logs() as logs:
        assert await workers.run(abs, -1, what="a model") == 1
    assert here.learnt == ["a model"]
    assert "Foresail 0.1.0 there and 0.0.9 here" in logs[0]["error"]


async def test_a_worker_that_hangs_is_ended_and_counted_and_its_job_done_here(
    here: FakeWorkers, clock: ManualClock, tmp_path: Path
) -> None:
    begun, overdue = tmp_path / "begun", counted("overdue")
    with a_cluster(1) as cluster, structlog.testing.capture_logs() as logs:
        workers = at(cluster.scheduler_address, here, clock, job_s=5.0, connect_s=20.0)
        here.die()
        with pytest.raises(Temporary, match="SIGKILL"):
            await workers.run(wait_for, str(begun), str(tmp_path / "never"), what="a model")
        assert here.learnt == ["a model"]
        assert "no answer within 5 s; its worker tcp://" in logs[0]["error"]
        assert counted("overdue") == overdue + 1
        process = os.getpid()
        async with asyncio.timeout(60):
            while process == os.getpid():  # learnt here, while the new one is being started
                clock.advance(61)
                process = (await workers.run(about_this_process))[0]
        assert process != int(begun.read_text())
        await workers.close()


async def test_a_cluster_that_does_not_answer_in_time_is_lost_and_its_job_given_up(
    cluster: Any,  # noqa: ANN401 - no types
    here: FakeWorkers,
    clock: ManualClock,
    tmp_path: Path,
) -> None:
    workers = at(cluster.scheduler_address, here, clock, job_s=1.0)
    here.die()
    with pytest.raises(Temporary, match="SIGKILL"):
        await workers.run(wait_for, str(tmp_path / "begun"), str(tmp_path / "go"), what="a model")
    (tmp_path / "go").touch()
    assert here.learnt == ["a model"]
    await workers.close()
