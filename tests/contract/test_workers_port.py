"""The port `Workers`: the fake in this process, other processes, and workers of a Dask cluster do the same."""

from collections.abc import AsyncIterator, Iterator

import pytest

from autoscaler.clients.ports import Workers
from autoscaler.clients.workers import ProcessWorkers
from autoscaler.clock import SystemClock
from autoscaler.forecasting.peaks.model import fit
from autoscaler.forecasting.types import NotEnoughHistory
from tests.fakes.dask_cluster import a_cluster
from tests.fakes.jobs import rows
from tests.fakes.workers import FakeWorkers


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with a_cluster(1) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(params=["fake", "processes", pytest.param("dask", marks=pytest.mark.slow)])
async def workers(request: pytest.FixtureRequest) -> AsyncIterator[Workers]:
    made: Workers = FakeWorkers()
    if request.param == "processes":
        made = ProcessWorkers()
    elif request.param == "dask":
        from autoscaler.clients.dask_workers import DaskWorkers  # noqa: PLC0415 - as the service does

        here = FakeWorkers()
        made = DaskWorkers(request.getfixturevalue("address"), here, SystemClock())
    yield made
    await made.close()
    if request.param == "dask":
        assert here.learnt == []


async def test_a_job_gives_its_answer(workers: Workers) -> None:
    assert await workers.run(divmod, 17, 5, what="a sum") == (3, 2)


async def test_a_model_is_the_one_that_would_be_learnt_here(workers: Workers) -> None:
    learnt, here = await workers.run(fit, [rows(1)], what="a model"), fit([rows(1)])
    assert learnt.rises(rows(2).features).tobytes() == here.rises(rows(2).features).tobytes()


async def test_what_a_job_raises_is_raised_as_it_is_and_the_next_one_works(workers: Workers) -> None:
    with pytest.raises(NotEnoughHistory, match="only 10 moments of the past are known"):
        await workers.run(fit, [rows(1, 10)])
    assert await workers.run(abs, -1) == 1
