"""Models are learnt in other processes, which give way, come and go, and end with the service."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from autoscaler.clients.workers import ProcessWorkers, open_workers
from autoscaler.clock import ManualClock
from autoscaler.errors import InvalidSettings, Temporary
from autoscaler.settings import ForecastSettings
from autoscaler.telemetry import REGISTRY
from tests.fakes.jobs import about_this_process, die_once, run_out_of_memory, wait_for
from tests.fakes.waiting import until

soon = partial(until, deadline_s=60.0)  # a process is started, which takes seconds on a busy machine


@pytest.fixture
async def workers() -> AsyncIterator[ProcessWorkers]:
    made = ProcessWorkers(1)
    yield made
    await made.close()


def counted(result: str) -> float:
    labels = {"where": "processes", "result": result}
    return REGISTRY.get_sample_value("foresail_learning_jobs_total", labels) or 0.0


def is_there(process: int) -> bool:
    """Say whether a process runs; what has ended and is not yet looked after does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_a_job_runs_elsewhere_at_the_lowest_priority_with_one_thread(workers: ProcessWorkers) -> None:
    done = counted("done")
    process, nice, threads = await workers.run(about_this_process)
    assert process != os.getpid()
    assert (nice, threads) == (19, "1")
    assert counted("done") == done + 1


async def test_a_process_that_dies_is_named_with_what_it_learnt_and_the_next_job_has_another(
    workers: ProcessWorkers, tmp_path: Path
) -> None:
    lost, file = counted("lost"), tmp_path / "died"
    with pytest.raises(
        Temporary, match=r"learning the model of 60 s: .*ended before it was done \(EXIT\(9\)\).*forecast.workers"
    ):
        await workers.run(die_once, str(file), what="the model of 60 s")
    assert await workers.run(die_once, str(file)) not in {os.getpid(), int(file.read_text())}
    assert counted("lost") == lost + 1


async def test_a_process_that_is_killed_is_an_error_of_its_own_job_alone(tmp_path: Path) -> None:
    begun, file, two = tmp_path / "begun", tmp_path / "go", ProcessWorkers(1)
    first = asyncio.create_task(two.run(wait_for, str(begun), str(file), what="the first"))
    second = asyncio.create_task(two.run(about_this_process, what="the second"))
    await soon(lambda: begun.exists() and begun.read_text().endswith("\n"))
    os.kill(int(begun.read_text()), 9)
    with pytest.raises(Temporary, match=r"learning the first: .*SIGKILL\(-9\)"):
        await first
    assert (await second)[0] != int(begun.read_text())
    await two.close()


async def test_a_job_without_memory_is_told_as_such(workers: ProcessWorkers) -> None:
    with pytest.raises(Temporary, match=r"learning run_out_of_memory: there was not enough memory.*resources.limits.memory"):
        await workers.run(run_out_of_memory)


async def test_a_process_that_hangs_is_ended_named_and_counted_and_the_next_job_has_another(tmp_path: Path) -> None:
    begun, never, two, overdue = tmp_path / "begun", tmp_path / "never", ProcessWorkers(2, job_s=8.0), counted("overdue")
    hanging = asyncio.create_task(two.run(wait_for, str(begun), str(never), what="a model of 3 series, 60 s ahead"))
    await soon(lambda: begun.exists() and begun.read_text().endswith("\n"))
    assert await two.run(abs, -1) == 1  # others go on meanwhile
    with pytest.raises(Temporary, match=r"learning a model of 3 series, 60 s ahead: there was no answer within 8 s.*more CPU"):
        await hanging
    assert not is_there(int(begun.read_text()))
    assert counted("overdue") == overdue + 1
    assert (await two.run(about_this_process))[0] != int(begun.read_text())
    await two.close()


async def test_a_job_that_nobody_waits_for_holds_no_process(workers: ProcessWorkers, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    job = asyncio.create_task(workers.run(wait_for, str(begun), str(tmp_path / "never")))
    await soon(lambda: begun.exists() and begun.read_text().endswith("\n"))
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert not is_there(int(begun.read_text()))
    assert await workers.run(abs, -1) == 1


async def test_at_most_as_many_processes_as_were_asked_for_learn_at_once_and_the_loop_goes_on(tmp_path: Path) -> None:
    begun, file, two = tmp_path / "begun", tmp_path / "go", ProcessWorkers(2)
    jobs = [asyncio.create_task(two.run(wait_for, str(begun), str(file))) for _ in range(4)]
    await soon(lambda: begun.exists() and len(begun.read_text().split()) == 2)  # the event loop turns meanwhile
    assert not any(job.done() for job in jobs)
    file.touch()
    processes = await asyncio.gather(*jobs)
    assert len(processes) == 4
    assert set(processes) == set(map(int, begun.read_text().split()))
    assert len(set(processes)) == 2
    await two.close()


# Where a machine is so busy that a process begins only when its idle time is over, loky starts another and says so.
@pytest.mark.filterwarnings("ignore:A worker stopped while some jobs were given:UserWarning")
async def test_a_process_without_work_ends_and_comes_again() -> None:
    brief = ProcessWorkers(1, idle_s=0.2)
    first = (await brief.run(about_this_process))[0]
    await soon(lambda: not is_there(first))
    assert (await brief.run(about_this_process))[0] != first
    await brief.close()


async def test_the_end_of_the_service_waits_for_no_job_and_leaves_no_process(tmp_path: Path) -> None:
    begun, one = tmp_path / "begun", ProcessWorkers(1)
    job = asyncio.create_task(one.run(wait_for, str(begun), str(tmp_path / "never"), what="a model"))
    next_job = asyncio.create_task(one.run(about_this_process))
    await soon(lambda: begun.exists() and begun.read_text().endswith("\n"))
    await one.close()
    assert not is_there(int(begun.read_text()))
    for ended in (job, next_job):
        with pytest.raises(Temporary, match="the service is about to end"):
            await ended
    with pytest.raises(Temporary, match="the service is about to end"):
        await one.run(about_this_process)


SERVICE = """
import asyncio, sys
from autoscaler.clients.workers import ProcessWorkers
from tests.fakes.jobs import wait_for
asyncio.run(ProcessWorkers(1).run(wait_for, sys.argv[1], sys.argv[2]))
"""


async def test_a_process_ends_with_the_service_also_where_that_is_killed(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    words = [sys.executable, "-c", SERVICE, str(begun), str(tmp_path / "never")]
    service = await asyncio.create_subprocess_exec(*words, stderr=subprocess.DEVNULL)
    await soon(lambda: begun.exists() and begun.read_text().endswith("\n"))
    service.kill()
    await service.wait()
    await soon(lambda: not is_there(int(begun.read_text())))


async def test_nothing_is_started_before_the_first_job() -> None:
    workers = open_workers(ForecastSettings(workers=3), ManualClock(0.0))
    assert isinstance(workers, ProcessWorkers)
    assert (workers.count, workers._idle, workers._busy) == (3, [], set())
    await workers.close()


WITHOUT_DASK = """
import sys
sys.modules["distributed"] = None  # as if it were not installed
from autoscaler.clients.workers import open_workers
from autoscaler.clock import SystemClock
from autoscaler.settings import ForecastSettings
open_workers(ForecastSettings(), SystemClock())
assert not [name for name in sys.modules if name.partition(".")[0] == "dask"]
try:
    open_workers(ForecastSettings(dask_address="tcp://scheduler:8786"), SystemClock())
except Exception as error:
    print(type(error).__name__, error)
"""


def test_dask_is_loaded_only_where_it_is_asked_for_and_its_lack_is_told_with_what_to_type() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_DASK], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith(
        f"{InvalidSettings.__name__} forecast.dask_address is tcp://scheduler:8786, and the Python package"
    )
    assert "pip install 'foresail[dask]'" in done.stdout
