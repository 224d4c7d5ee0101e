"""Collectors on a kernel that answers anything, and labels that hold anything: the answer stays readable."""

from __future__ import annotations

import errno
import math
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporters.cgroup.files import CgroupFiles, Kernel, Reader, Tally
from exporters.cgroup.host import Host, count
from exporters.cgroup.identity import Identity, Kind
from exporters.cgroup.layout import UNIFIED, Hierarchy, Layout
from exporters.cgroup.processes import Processes
from exporters.cgroup.walk import Cgroup
from exporters.collectors import REGISTERED
from exporters.collectors.contract import Collector, Samples, Scrape, Target, labelled
from exporters.collectors.roster import Roster
from exporters.exposition.text import Format, Written, render
from exporters.names.logs import LogFolder
from exporters.names.names import Names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporters.cgroup.mounts import MountTable

V1, V2 = Hierarchy("/v1", 1), Hierarchy("/v2", 2)
CONTROLLERS_V1 = ("blkio", "cpu", "cpuacct", "cpuset", "hugetlb", "memory", "pids")
LAYOUTS = (
    Layout(dict.fromkeys(CONTROLLERS_V1, V1), V1),
    Layout(dict.fromkeys(("cpu", "hugetlb", "io", "memory", "pids", UNIFIED), V2), V2),
    Layout({**dict.fromkeys(CONTROLLERS_V1, V1), UNIFIED: V2}, V1),
    Layout({}, V1),
)
NAMES = ("hugetlb.2MB.current", "hugetlb.2MB.rsvd.usage_in_bytes", 'hugetlb."\n.current', "hugetlb..current", "memory.max")
CODES = (errno.ENOENT, errno.ENODEV, errno.EACCES, errno.EOPNOTSUPP, errno.EIO, errno.EMFILE)
KEYS = (
    b"anon",
    b"file",
    b"inactive_file",
    b"total_rss",
    b"usage_usec",
    b"user",
    b"nr_periods",
    b"throttled_usec",
    b"pgfault",
    b"oom_kill",
    b"max",
)
CONTENT = st.one_of(
    st.binary(max_size=80),
    st.integers(0, 2**65).map(b"%d\n".__mod__),
    st.lists(st.tuples(st.sampled_from(KEYS), st.integers(-1, 2**65)), max_size=8).map(
        lambda rows: b"".join(b"%s %d\n" % row for row in rows)
    ),
    st.sampled_from(
        [
            b"8:0 rbytes=1 wbytes=2 rios=3 wios=4 cost.usage=5\n(unknown) rbytes=1\n",
            b"8:0 Read 1\n8:0 Total 1\nTotal 1\n",
            b"   8       0 sda 1 2 3 4 5 6 7 8 9 10 11\n",
            b"0-1\n",
            b"1024K\n",
            b"Node 0 MemTotal:       1024 kB\n",
            b"28 1 8:1 / / rw - ext4 /dev/sda1 rw\n28 1 8:1 / /b rw - ext4 /dev/sda1 rw\n",
            b"anon N0=1 N1=2\nfile=3 N0=3\n",
            b"1 2 3 \n",
            b"max 100000\n",
            b"max\n",
            b"-1\n",
            b"",
            b"some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n",
            b"9" * 5000 + b"\n",
        ]
    ),
)
NAME = st.text(max_size=40) | st.text(st.sampled_from('"\\\n\r\t{}=, \x00\x85\u2028\ud800é'), max_size=20)


@dataclass
class AnyKernel(Kernel):
    """Draws what each call answers."""

    data: st.DataObject
    open_now: set[int] = field(default_factory=set)
    next: int = 0

    def open(self, path: str) -> int:  # noqa: ARG002 - any path
        self._may_refuse()
        self.next += 1
        self.open_now.add(self.next)
        return self.next

    def read(self, descriptor: int, offset: int) -> bytes:
        assert descriptor in self.open_now
        self._may_refuse()
        return self.data.draw(CONTENT)[offset : offset + 4096]

    def read_many(self, descriptors: Iterable[int]) -> list[bytes]:
        return [self.read(descriptor, 0) for descriptor in descriptors]

    def close(self, descriptor: int) -> None:
        self.open_now.remove(descriptor)

    def inode(self, path: str) -> int:  # noqa: ARG002 - any path
        return self.data.draw(st.sampled_from([1, 1, 2]))

    def names(self, path: str) -> list[str]:  # noqa: ARG002 - any path
        self._may_refuse()
        return self.data.draw(st.lists(st.sampled_from(NAMES)))

    def _may_refuse(self) -> None:
        code = self.data.draw(st.sampled_from([None, None, None, *CODES]))
        if code is not None:
            raise OSError(code, os.strerror(code))


@dataclass(frozen=True, slots=True)
class AnyHost(Host):
    """Draws what each file outside the cgroup trees holds."""

    data: st.DataObject = field(kw_only=True)

    def read(self, path: str, tally: Tally) -> bytes | None:
        code = self.data.draw(st.sampled_from([None, None, None, *CODES]))
        if code is None:
            return self.data.draw(CONTENT)
        count(OSError(code, os.strerror(code)), f"cannot read {path}", tally)
        return None

    def mounts(self, table: MountTable, name: str, tally: Tally) -> bytes | None:  # noqa: ARG002 - any table
        return self.read(name, tally)

    def listed(self, name: str) -> Sequence[str]:  # noqa: ARG002 - any folder
        return self.data.draw(st.lists(st.sampled_from(["cpu0", "node0", "mc0", "dimm0", "index0", "hugepages-2048kB", "x"])))


def any_statvfs(data: st.DataObject) -> os.statvfs_result:
    code = data.draw(st.sampled_from([None, *CODES]))
    if code is not None:
        raise OSError(code, os.strerror(code))
    total, free = sorted((data.draw(st.integers(0, 2**60)), data.draw(st.integers(0, 2**60))), reverse=True)
    return os.statvfs_result((4096, 4096, total, free, free, total, free, free, 0, 255))


@pytest.mark.parametrize("collector", REGISTERED, ids=lambda collector: collector.name)
@settings(max_examples=60, deadline=None)
@given(data=st.data(), layout=st.sampled_from(LAYOUTS), budget=st.sampled_from([0, 1, 100]))
def test_whatever_the_kernel_answers_the_lines_are_valid_and_nothing_stays_open(
    collector: Collector, data: st.DataObject, layout: Layout, budget: int
) -> None:
    kernel = AnyKernel(data)
    reader = Reader(budget, kernel)
    cgroup = Cgroup("/kubepods/pod", 1, Identity(Kind.CONTAINER, "uid", "id", None))
    target = Target(cgroup, CgroupFiles(cgroup, layout, reader), 1.5, labels=labelled(id=cgroup.path))
    samples = Samples(collector.families)
    processes = Processes("/dev/fd/nowhere", lambda: 0.0)
    processes._stale = False  # no host's processes take part
    scrape = Scrape(
        Roster([target]),
        samples,
        processes,
        Names(None, LogFolder(Path("/nowhere"))),
        "/nowhere",
        host=AnyHost(statvfs=lambda _: any_statvfs(data), data=data),
    )
    for _ in range(2):
        target.is_gone = False
        collector.collect(scrape)
    for _, lines in samples.encoded():
        for line in lines.rstrip(b"\n").split(b"\n"):
            value = float(line.rpartition(b" ")[2])
            assert math.isfinite(value)
            assert value >= 0
    target.files.close()
    assert kernel.open_now == set()
    assert reader.kept == 0


@given(names=st.lists(NAME, min_size=3, max_size=3))
def test_hostile_names_come_back_as_they_were(names: list[str]) -> None:
    family = next(family for collector in REGISTERED for family in collector.families if family.name.endswith("_rss"))
    samples = Samples([family])
    container, pod, path = names
    samples.add(family, labelled(container=container, id=path, pod=pod), 7)
    written = [Written(family, lines) for family, lines in samples.encoded()]
    text = b"".join(render(written, b"", Format.TEXT)).decode()
    openmetrics = b"".join(render(written, b"", Format.OPENMETRICS)).decode()
    for parsed in (parse_text(text), parse_openmetrics(openmetrics)):
        ((sample,),) = [family.samples for family in parsed]
        assert sample.value == 7
        expected = {"container": container, "id": path, "pod": pod}
        assert {key: as_it_was(value) for key, value in sample.labels.items()} == expected


def as_it_was(label: str) -> str:
    """Take back how bytes that are no Unicode are written; that it can be done proves that no two names become the same."""
    return re.sub(r"\\u(005c|d[89a-f][0-9a-f]{2})", lambda found: chr(int(found[1], 16)), label)


@given(data=st.binary(max_size=12) | st.text(alphabet="\\u005cd8fx", max_size=14).map(str.encode))
def test_bytes_that_are_no_unicode_are_kept_apart(data: bytes) -> None:
    label = labelled(id=os.fsdecode(data))
    label.encode()
    assert os.fsencode(as_it_was(parsed_id(label))) == data


def parsed_id(label: str) -> str:
    (family,) = parse_openmetrics(f"# TYPE a gauge\na{{{label}}} 1\n# EOF\n")
    return family.samples[0].labels["id"]
