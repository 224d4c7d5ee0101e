"""What happens when a collector fails: the others go on, it is counted, and it is logged once."""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from exporters.cgroup.files import Kernel
from exporters.collectors import cpu, memory
from exporters.collectors.contract import Collector, Scrape
from exporters.exposition.text import Format
from tests.unit.exporters.trees import Rig, of_family, samples

if TYPE_CHECKING:
    from tests.unit.exporters.trees import Host


def breaks(scrape: Scrape) -> None:
    raise RuntimeError(f"broken on purpose with {len(scrape.targets)} cgroups")


BROKEN = Collector(name="broken", help="breaks", families=(), collect=breaks)


class Refuses(Kernel):
    """Refuses some files for as long as it is told to."""

    def __init__(self, ending: str) -> None:
        self.ending = ending
        self.is_refusing = True

    def open(self, path: str) -> int:
        if self.is_refusing and path.endswith(self.ending):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return super().open(path)


def failed(text: str, collector: str) -> float:
    return samples(text)[f'foresail_exporter_collector_errors_total{{collector="{collector}",kind="failed"}}']


def test_a_broken_collector_takes_nothing_from_the_others(v2: Host) -> None:
    with capture_logs() as logs:
        text = Rig(v2, collectors=(BROKEN, cpu.COLLECTOR)).text()
    assert of_family(text, "container_cpu_usage_seconds_total")
    assert (failed(text, "broken"), failed(text, "cpu")) == (1, 0)
    assert [line["event"] for line in logs if line.get("collector") == "broken"] == ["collector_broken", "collector_failing"]


def test_a_failure_is_logged_when_it_begins_and_when_it_ends_and_not_between(v2: Host) -> None:
    kernel = Refuses("memory.max")
    rig = Rig(v2, kernel=kernel)
    with capture_logs() as logs:
        for _ in range(3):
            rig.collect()
        kernel.is_refusing = False
        rig.collect()
    assert [(line["event"], line["collector"]) for line in logs] == [
        ("collector_failing", "spec"),
        ("collector_recovered", "spec"),
    ]
    assert logs[0]["example"].startswith("cannot read memory.max of /")
    assert logs[0]["failures"] == 11


def test_failures_add_up_and_the_duration_of_each_collector_is_told(v2: Host) -> None:
    rig = Rig(v2, kernel=Refuses("cpu.stat"), collectors=(cpu.COLLECTOR, memory.COLLECTOR))
    rig.collect()
    text = rig.text()
    assert (failed(text, "cpu"), failed(text, "memory")) == (22, 0)
    durations = of_family(text, "foresail_exporter_collector_duration_seconds")
    assert [series.split('"')[1] for series in durations] == ["discovery", "names", "cpu", "memory"]
    assert all(value > 0 for value in durations.values())


@pytest.mark.parametrize("budget", [0, 3])
def test_a_small_budget_of_descriptors_changes_no_answer(v2: Host, budget: int) -> None:
    rich, poor = Rig(v2, budget=1000), Rig(v2, budget=budget)
    for _ in range(2):
        assert poor.containers_text() == rich.containers_text()
    assert poor.reader.kept == budget


def test_names_that_are_no_unicode_never_make_the_same_series_twice(v2: Host) -> None:
    """Whoever may make cgroups, interfaces or disks would otherwise have the whole answer refused."""
    services = os.fsencode(v2.cgroupfs / "system.slice" / "ssh.service")
    for name in (b"\xff", b"\xfe", b"\\udcff", b"\\u005cudcff", b"\xef\xbf\xbd", b"?"):
        shutil.copytree(services, services + name)
    rows = b": 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
    v2.write(
        "proc/1/net/dev", b"heading\nheading\n" + b"".join(b"eth" + name + rows for name in (b"\xff", b"\xfe", b"\\udcff"))
    )
    disks = [b"259 %d nvme%b 1 2 3 4 5 6 7 8 9 10 11\n" % row for row in enumerate((b"\xff", b"\xfe", b"\\udcff"))]
    v2.write("proc/diskstats", b"".join(disks))
    text = Rig(v2, include=r"/system\.slice/ssh.*").text(Format.OPENMETRICS)
    families = {family.name: family for family in text_string_to_metric_families(text)}
    ids = [one.labels["id"] for one in families["container_last_seen"].samples if "ssh.service" in one.labels["id"]]
    assert len(set(ids)) == len(ids) == 7
    interfaces = [one.labels["interface"] for one in families["container_network_receive_bytes"].samples]
    assert [name for name in interfaces if name.startswith("eth\\")] == ["eth\\udcff", "eth\\udcfe", "eth\\u005cudcff"]
    devices = {one.labels["device"] for one in families["container_fs_reads"].samples if one.labels["id"] == "/"}
    assert devices == {"/dev/nvme\\udcff", "/dev/nvme\\udcfe", "/dev/nvme\\u005cudcff"}
