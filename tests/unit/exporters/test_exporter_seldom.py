"""Limits are read seldom, and not too seldom."""

from __future__ import annotations

import errno
import os
import shutil
from collections import Counter

import pytest

from exporters.cgroup.files import Kernel
from exporters.collectors import cpu, process, spec
from exporters.collectors.seldom import EVERY_S, SPREAD_S, Seldom
from tests.unit.exporters.trees import Host, Rig, of_family

WEB = "a9" * 32
LIMIT = "container_spec_memory_limit_bytes"


class Watched(Kernel):
    """Counts what is opened by name, and refuses some for as long as it is told to."""

    def __init__(self) -> None:
        self.opened: Counter[str] = Counter()
        self.refused = ""

    def open(self, path: str) -> int:
        name = path.rpartition("/")[2]
        if name == self.refused:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        self.opened[name] += WEB in path
        return super().open(path)


def limit(rig: Rig) -> list[float]:
    return [value for series, value in of_family(rig.text(), LIMIT).items() if f'name="{WEB}"' in series]


def write_limit(host: Host, text: str) -> None:
    (file,) = [found for found in host.cgroupfs.rglob("memory.max") if WEB in str(found)]
    file.write_text(text, encoding="ascii")


def test_a_limit_is_read_twice_and_then_again_after_a_while(v2: Host) -> None:
    kernel = Watched()
    rig = Rig(v2, kernel=kernel, collectors=(spec.COLLECTOR,))
    for _ in range(5):
        rig.collect()
    assert kernel.opened["memory.max"] == 2
    rig.now_s += EVERY_S - 1
    rig.collect()
    assert kernel.opened["memory.max"] == 2
    rig.now_s += SPREAD_S + 1
    rig.collect()
    assert kernel.opened["memory.max"] == 3
    assert rig.reader.kept == 0


def test_a_limit_that_is_written_after_the_cgroup_was_found_is_seen_at_the_next_scrape(v2: Host) -> None:
    write_limit(v2, "max\n")
    rig = Rig(v2, collectors=(spec.COLLECTOR,))
    assert limit(rig) == []
    write_limit(v2, "4096\n")
    assert limit(rig) == [4096]


def test_a_resize_is_seen_after_a_while_or_when_the_clock_was_set_back(v2: Host) -> None:
    rig = Rig(v2, collectors=(spec.COLLECTOR,))
    rig.collect()
    assert limit(rig) == [268435456]
    write_limit(v2, "4096\n")
    assert limit(rig) == [268435456]
    rig.now_s += EVERY_S + SPREAD_S
    assert limit(rig) == [4096]
    write_limit(v2, "8192\n")
    rig.now_s -= 10
    assert limit(rig) == [8192]


def test_what_was_refused_is_asked_for_again_at_once(v2: Host) -> None:
    kernel = Watched()
    kernel.refused = "memory.max"
    rig = Rig(v2, kernel=kernel, collectors=(spec.COLLECTOR,))
    for _ in range(3):
        assert limit(rig) == []
    kernel.refused = ""
    assert limit(rig) == [268435456]


def test_a_broken_file_keeps_the_values_before_it(v2: Host) -> None:
    write_limit(v2, "many\n")
    text = Rig(v2, collectors=(spec.COLLECTOR,)).text()
    assert any(WEB in series for series in of_family(text, "container_spec_cpu_quota"))
    assert not any(WEB in series for series in of_family(text, LIMIT))


def test_the_values_follow_a_name_that_comes_late(v2: Host) -> None:
    rig = Rig(v2, collectors=(spec.COLLECTOR,))
    (link,) = v2.log.iterdir()
    target = link.readlink()
    link.unlink()
    for _ in range(3):
        assert 'container="web"' not in rig.text()
    link.symlink_to(target)
    assert any('container="web"' in series for series in of_family(rig.text(), LIMIT))


def test_another_first_process_is_asked_at_once(v2: Host) -> None:
    v2.write("proc/2002/limits", "Max open files            512                  512                  files     \n")
    rig = Rig(v2, collectors=(process.COLLECTOR,))
    for _ in range(3):
        assert 1048576 in of_family(rig.text(), "container_ulimits_soft").values()
    shutil.rmtree(v2.procfs / "2001")
    assert list(of_family(rig.text(), "container_ulimits_soft").values()) == [512]


@pytest.mark.parametrize("collector", [cpu.COLLECTOR, process.COLLECTOR], ids=lambda collector: collector.name)
def test_only_what_changes_is_kept_open(v2: Host, collector: cpu.Collector) -> None:
    rig = Rig(v2, budget=1000, collectors=(collector,))
    for _ in range(3):
        rig.collect()
    cgroups = len([target for target in rig.inventory.targets if not target.is_gone])
    assert rig.reader.kept <= cgroups


def test_nothing_is_fresh_before_it_was_read() -> None:
    assert not Seldom().is_fresh(0.0, 1)
