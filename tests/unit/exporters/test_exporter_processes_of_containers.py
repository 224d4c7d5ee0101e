"""What is told of the processes of a container: open files, limits, sockets, waiting for a CPU."""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.cgroup.parse_proc import Scheduled
from exporters.collectors import process, sched, sockets
from exporters.collectors.sched import Sums
from tests.unit.exporters.trees import Host, Rig, of_family, samples

WEB = "a9" * 32


def of_web(text: str, family: str) -> list[float]:
    return [value for series, value in of_family(text, family).items() if f'name="{WEB}"' in series]


def errors(text: str, collector: str) -> dict[str, float]:
    prefix = f'foresail_exporter_collector_errors_total{{collector="{collector}",kind="'
    return {key.removeprefix(prefix)[:-2]: value for key, value in samples(text).items() if key.startswith(prefix)}


class TestOpenFiles:
    def test_those_of_all_processes_are_counted_together(self, v2: Host) -> None:
        assert of_web(Rig(v2, collectors=(process.COLLECTOR,)).text(), "container_file_descriptors") == [6]

    def test_a_process_that_ended_meanwhile_holds_none(self, v2: Host) -> None:
        rig = Rig(v2, collectors=(process.COLLECTOR,))
        shutil.rmtree(v2.procfs / "2001" / "fd")
        assert of_web(rig.text(), "container_file_descriptors") == [2]

    def test_a_kernel_that_does_not_tell_their_number_gives_no_series(self, v2: Host) -> None:
        """Before Linux 6.2 the size of the folder is always zero."""
        for pid in ("2001", "2002"):
            shutil.rmtree(v2.procfs / pid / "fd")
            (v2.procfs / pid / "fd").mkdir()
        text = Rig(v2, collectors=(process.COLLECTOR,)).text()
        assert of_web(text, "container_file_descriptors") == []
        assert errors(text, "process")["failed"] == 0

    def test_the_limit_is_that_of_the_first_process(self, v2: Host) -> None:
        rig = Rig(v2, collectors=(process.COLLECTOR,))
        assert of_web(rig.text(), "container_ulimits_soft") == [1048576]
        v2.write("proc/2002/limits", "Max open files            512                  512                  files     \n")
        assert of_web(rig.text(), "container_ulimits_soft") == [1048576]
        shutil.rmtree(v2.procfs / "2001")
        assert of_web(rig.text(), "container_ulimits_soft") == [512]

    @pytest.mark.parametrize(
        ("content", "failed"),
        [
            ("Max open files            unlimited            unlimited            files     \n", 0),
            ("Max processes             1                    1                    processes \n", 0),
            ("Max open files            many                 many                 files     \n", 1),
            ("Max open files\n", 1),
            ("", 0),
        ],
    )
    def test_a_limit_that_is_not_told_has_no_series(self, v2: Host, content: str, failed: int) -> None:
        v2.write("proc/2001/limits", content)
        text = Rig(v2, collectors=(process.COLLECTOR,)).text()
        assert of_web(text, "container_ulimits_soft") == []
        assert errors(text, "process")["failed"] == failed


class TestSockets:
    def test_those_of_all_processes_are_counted_together(self, v2: Host) -> None:
        assert of_web(Rig(v2, collectors=(sockets.COLLECTOR,)).text(), "container_sockets") == [2]

    def test_a_process_without_sockets_is_told_as_zero(self, v2: Host) -> None:
        for link in ("2001/fd/3", "2002/fd/7"):
            (v2.procfs / link).unlink()
        assert of_web(Rig(v2, collectors=(sockets.COLLECTOR,)).text(), "container_sockets") == [0]

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
    def test_without_the_right_there_is_no_series_and_the_remedy_is_named(self, v2: Host) -> None:
        (v2.procfs / "2001" / "fd").chmod(0)
        text = Rig(v2, collectors=(sockets.COLLECTOR,)).text()
        assert of_web(text, "container_sockets") == []
        assert errors(text, "sockets")["failed"] == 1

    def test_it_runs_only_if_asked_for(self) -> None:
        assert not sockets.COLLECTOR.is_default


class TestSched:
    def test_what_an_ended_process_had_stays_in_the_sum(self, v2: Host) -> None:
        rig = Rig(v2, collectors=(sched.COLLECTOR,))
        assert of_web(rig.text(), "container_cpu_schedstat_run_periods_total") == [55212]
        shutil.rmtree(v2.procfs / "2001")
        v2.write("proc/2002/schedstat", "2110000001 10000001 7011\n")
        assert of_web(rig.text(), "container_cpu_schedstat_run_periods_total") == [55222]

    def test_a_process_that_takes_the_number_of_another_is_added(self, v2: Host) -> None:
        rig = Rig(v2, collectors=(sched.COLLECTOR,))
        rig.collect()
        v2.write("proc/2001/schedstat", "5 5 5\n")
        assert of_web(rig.text(), "container_cpu_schedstat_run_periods_total") == [55217]

    def test_a_process_that_cannot_be_read_once_keeps_what_it_had(self, v2: Host) -> None:
        rig = Rig(v2, collectors=(sched.COLLECTOR,))
        rig.collect()
        v2.write("proc/2001/schedstat", "5990000000 812345678 4")
        text = rig.text()
        assert of_web(text, "container_cpu_schedstat_run_periods_total") == [55212]
        assert errors(text, "sched")["failed"] == 1
        v2.write("proc/2001/schedstat", "5990000000 812345678 48212\n")
        assert of_web(rig.text(), "container_cpu_schedstat_run_periods_total") == [55213]

    def test_a_kernel_that_does_not_count_gives_no_series(self, v2: Host) -> None:
        for file in v2.procfs.glob("*/schedstat"):
            file.write_text("0 0 0\n", encoding="ascii")
        assert of_family(Rig(v2, collectors=(sched.COLLECTOR,)).text(), "container_cpu_schedstat_run_seconds_total") == {}

    @given(
        scrapes=st.lists(
            st.dictionaries(st.integers(1, 4), st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))),
            max_size=20,
        )
    )
    def test_no_sum_ever_falls_and_what_is_remembered_is_as_large_as_the_container(
        self, scrapes: list[dict[int, tuple[int, int, int]]]
    ) -> None:
        sums = Sums()
        before = Scheduled(0, 0, 0)
        for scrape in scrapes:
            found = {pid: Scheduled(*columns) for pid, columns in scrape.items()}
            total = sums.take(found)
            assert (total.run_ns, total.waited_ns, total.periods) >= (before.run_ns, 0, 0)
            assert total.waited_ns >= before.waited_ns
            assert total.periods >= before.periods
            assert len(sums.living) == len(found)
            before = total
