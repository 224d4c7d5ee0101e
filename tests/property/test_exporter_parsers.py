"""Every parser of kernel files and of what others send: any input gives a value or the parser's own refusal."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.cgroup import parse, parse_io, parse_mounts, parse_proc, topology
from exporters.cgroup.columns import keyed
from exporters.cgroup.identity import container_of, identify
from exporters.exposition.text import accepts_gzip, choose
from exporters.kubelet.summary import NotASummaryError, summary_of
from exporters.names.pod import NotAPodError, pod_of
from exporters.names.quantity import quantity

if TYPE_CHECKING:
    from collections.abc import Callable

KERNEL_PARSERS = (
    parse.number,
    parse.value,
    parse.limit,
    parse.keyed,
    parse.cpu_max,
    parse.pressure,
    parse.interfaces,
    parse.boot_time_s,
    parse.cgroup_paths,
    parse.numbers,
    parse.by_node,
    parse_proc.open_files_limit,
    parse_proc.schedstat,
    parse_io.io_stat,
    parse_io.blkio,
    parse_io.diskstats,
    parse_mounts.mounts,
    topology.cpu_list,
)
VALID = {
    parse.number: b"18446744073709551615",
    parse.value: b"123456\n",
    parse.limit: b"9223372036854771712\n",
    parse.keyed: b"anon 4096\nfile 1234567\n",
    parse.cpu_max: b"max 100000\n",
    parse.pressure: b"some avg10=0.00 avg60=1.00 avg300=2.00 total=77\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=5\n",
    parse.interfaces: b"a\nb\n  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
    parse.boot_time_s: b"cpu 1 2\nbtime 1600000000\n",
    parse.cgroup_paths: b"4:memory:/a/b\n0::/../c\n",
    parse.numbers: b"1003253961 553146951 0 \n",
    parse.by_node: b"anon N0=41418752 N1=21229568\nhierarchical_file=3 N0=1 N1=2\n",
    parse_proc.open_files_limit: b"Limit  Soft Limit  Hard Limit  Units\nMax open files            1024  524288  files     \n",
    parse_proc.schedstat: b"1556318241 1531984000 212\n",
    parse_io.io_stat: b"8:0 rbytes=4096 wbytes=0 rios=1 wios=0\n7:1 7:0 rbytes=8192 wbytes=512 rios=2 wios=1\n",
    parse_io.blkio: b"8:0 Read 4096\n8:0 Write 0\n8:0 Total 4096\n8:16 Read 512\nTotal 4608\n",
    parse_io.diskstats: b"   8       0 sda 1 2 3 4 5 6 7 8 9 10 11 0 0 0 0\n   8       1 sda1 1 2 3 4 5 6 7 8 9 10 11\n",
    parse_mounts.mounts: b"28 1 8:1 / /a\\040b rw shared:1 master:2 - ext4 /dev/sda1 rw\n29 1 0:5 / /c rw - tmpfs tmpfs rw\n",
    topology.cpu_list: b"0-3,8\n",
}
WORDS = st.sampled_from(
    [
        b"8:0",
        b"rbytes=",
        b"Read",
        b"Total",
        b"(unknown)",
        b"total=",
        b"some",
        b"full",
        b"max",
        b"-1",
        b"0",
        b"7",
        b"9" * 25,
        b"btime",
        b"eth0:",
        b"N0=",
        b"Max open files",
        b"avg10=",
        b"1.5",
        b":",
        b"\n",
        b" ",
        b"\xff",
        b"",
    ]
)
DATA = st.one_of(st.binary(max_size=400), st.lists(WORDS, max_size=60).map(b"".join))

parsers = pytest.mark.parametrize("parser", KERNEL_PARSERS, ids=lambda parser: parser.__name__)


@parsers
@given(data=DATA)
def test_any_bytes_give_a_value_or_are_called_malformed(parser: Callable[[bytes], object], data: bytes) -> None:
    try:
        parser(data)
    except parse.Malformed as error:
        assert len(str(error)) < 400  # noqa: PT017 - both ways are right, and the message stays short


@parsers
def test_what_the_kernel_writes_is_read(parser: Callable[[bytes], object]) -> None:
    assert parser(VALID[parser]) is not None or parser is parse.limit


@parsers
@pytest.mark.parametrize("data", [b"", b"\n", b"\0" * 5000, b"9" * 5000 + b"\n", "١٢٣\n".encode(), b"1_0\n", b"+1\n"])
def test_extremes_give_a_value_or_are_called_malformed(parser: Callable[[bytes], object], data: bytes) -> None:
    try:
        assert parser(data) not in {10, 1, 123}
    except parse.Malformed:
        return
    except TypeError:  # an answer that cannot be hashed is no number
        return


@given(number=st.integers(0, 2**64 - 1), cut=st.integers(0, 20))
def test_a_number_that_was_cut_is_never_taken_for_a_smaller_one(number: int, cut: int) -> None:
    whole = b"%d\n" % number
    assert parse.value(whole) == number
    if cut < len(whole):
        with pytest.raises(parse.Malformed):
            parse.value(whole[:cut])


@given(odd=st.sampled_from([b"", b"alone", b"one two three", b" ", b"\t", b" a", b"a "]), place=st.integers(0, 3))
def test_an_odd_line_takes_nothing_from_the_others(odd: bytes, place: int) -> None:
    lines = [b"anon 1", b"file 2", b"oom_kill 3"]
    lines.insert(place, odd)
    found = parse.keyed(b"\n".join(lines) + b"\n")
    assert found == {b"anon": b"1", b"file": b"2", b"oom_kill": b"3"}
    columns = keyed([b"\n".join(lines) + b"\n", *[b"anon 4\nfile 5\noom_kill 6\n"] * 2] * 2, [b"oom_kill", b"anon"], nobody)
    assert [list(column) for column in columns] == [[b"3", b"6", b"6"] * 2, [b"1", b"4", b"4"] * 2]


def nobody(place: int, error: parse.Malformed) -> None:
    raise AssertionError(f"{place}: {error}")


@given(cut=st.integers(0, len(VALID[parse.keyed]) - 1))
def test_a_table_that_was_cut_loses_lines_and_changes_none(cut: int) -> None:
    whole = parse.keyed(VALID[parse.keyed])
    assert parse.keyed(VALID[parse.keyed][:cut]).items() <= whole.items()


@given(cut=st.integers(0, len(VALID[parse.pressure]) - 1))
def test_a_pressure_file_that_was_cut_loses_lines_and_changes_none(cut: int) -> None:
    whole = parse.pressure(VALID[parse.pressure])
    assert parse.pressure(VALID[parse.pressure][:cut]).items() <= whole.items()


@pytest.mark.parametrize("parser", [parse.numbers, parse_proc.schedstat], ids=lambda parser: parser.__name__)
@given(data=st.data())
def test_a_line_of_numbers_that_was_cut_is_not_believed(parser: Callable[[bytes], object], data: st.DataObject) -> None:
    whole = VALID[parser]
    with pytest.raises(parse.Malformed):
        parser(whole[: data.draw(st.integers(0, len(whole) - 1))])


@given(cut=st.integers(0, len(VALID[parse_proc.open_files_limit]) - 1))
def test_a_limit_that_was_cut_is_not_known(cut: int) -> None:
    assert parse_proc.open_files_limit(VALID[parse_proc.open_files_limit][:cut]) is None


@given(cut=st.integers(0, len(VALID[parse.by_node]) - 1))
def test_memory_by_node_that_was_cut_loses_lines_and_changes_none(cut: int) -> None:
    whole = parse.by_node(VALID[parse.by_node])
    assert parse.by_node(VALID[parse.by_node][:cut]).items() <= whole.items()


@given(cut=st.integers(0, len(VALID[parse.interfaces]) - 1))
def test_interfaces_that_were_cut_are_left_out(cut: int) -> None:
    assert parse.interfaces(VALID[parse.interfaces][:cut]) == {}


@pytest.mark.parametrize("parser", [parse_io.io_stat, parse_io.blkio], ids=lambda parser: parser.__name__)
@given(data=st.data())
def test_a_table_of_devices_that_was_cut_loses_lines_and_changes_none(
    parser: Callable[[bytes], parse_io.ByDevice], data: st.DataObject
) -> None:
    whole = VALID[parser]
    for device, words in parser(whole[: data.draw(st.integers(0, len(whole) - 1))]).items():
        assert words.items() <= parser(whole)[device].items()


@given(cut=st.integers(0, len(VALID[parse_io.diskstats]) - 1))
def test_disks_that_were_cut_are_left_out(cut: int) -> None:
    whole = parse_io.diskstats(VALID[parse_io.diskstats])
    assert parse_io.diskstats(VALID[parse_io.diskstats][:cut]) in (whole[:1], ())


@given(numbers=st.sets(st.integers(0, 300)))
def test_a_list_of_cpus_comes_back_as_it_was(numbers: set[int]) -> None:
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][-1] == number - 1:
            ranges[-1].append(number)
        else:
            ranges.append([number])
    written = b",".join(b"%d" % one[0] if len(one) == 1 else b"%d-%d" % (one[0], one[-1]) for one in ranges) + b"\n"
    assert topology.cpu_list(written) == tuple(sorted(numbers))


@pytest.mark.parametrize("data", [b"0-3", b"3-0\n", b"0-99999999999\n", b"-1\n", b"0,,1\n", b"a\n"])
def test_what_is_no_list_of_cpus_is_called_malformed(data: bytes) -> None:
    with pytest.raises(parse.Malformed):
        topology.cpu_list(data)


@given(cut=st.integers(0, len(VALID[parse_mounts.mounts]) - 1))
def test_mounts_that_were_cut_are_left_out(cut: int) -> None:
    whole = parse_mounts.mounts(VALID[parse_mounts.mounts])
    assert parse_mounts.mounts(VALID[parse_mounts.mounts][:cut]) in (whole[:1], ())


@given(names=st.lists(st.binary(min_size=1, max_size=20).filter(lambda name: b"\0" not in name), min_size=3, max_size=3))
def test_places_come_back_from_the_kernels_escapes_as_they_were(names: list[bytes]) -> None:
    def escaped(name: bytes) -> bytes:
        return b"".join(b"\\%03o" % byte if byte in b" \t\n\\#" else bytes((byte,)) for byte in name)

    root, point, source = (escaped(name) for name in names)
    (mount,) = parse_mounts.mounts(b"28 1 8:1 %s %s rw - ext4 %s rw\n" % (root, point, source))
    assert [os.fsencode(text) for text in (mount.root, mount.point, mount.source)] == names


@given(path=st.text() | st.from_regex(r"(/(kubepods|pod|docker-|crio-|[0-9a-f]{64}|\.scope|:)*){0,6}"))
def test_any_path_is_a_pod_a_container_or_neither(path: str) -> None:
    identity = identify(path)
    if identity is not None and identity.container_id is not None:
        assert container_of(path) == identity.container_id


@given(text=st.text() | st.from_regex(r"[-+0-9.eEmkMGTPiun]{0,12}"))
def test_any_text_is_a_quantity_or_none(text: str) -> None:
    amount = quantity(text)
    assert amount is None or amount >= 0


@given(header=st.text() | st.from_regex(r"[a-z/;=,q.0-9* -]{0,60}"))
def test_any_header_chooses_a_format(header: str) -> None:
    choose(header)
    accepts_gzip(header)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["metadata", "spec", "status", "name", "namespace", "uid", "containers", "containerStatuses", "requests"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


FIGURES = st.dictionaries(
    st.sampled_from(["usedBytes", "capacityBytes", "inodes", "name", "pvcRef", "time"]),
    st.integers(-(2**70), 2**70) | st.none() | st.text(max_size=4) | st.floats(allow_nan=False, allow_infinity=False),
)
SUMMARIES = st.fixed_dictionaries(
    {"pods": st.lists(st.fixed_dictionaries({"podRef": FIGURES, "volume": st.lists(FIGURES), "containers": st.lists(FIGURES)}))}
)


@given(raw=SUMMARIES | st.binary(max_size=200) | st.none() | st.integers() | st.lists(st.integers()))
def test_any_answer_of_a_kubelet_is_a_summary_or_refused(raw: object) -> None:
    try:
        pods = summary_of(raw if isinstance(raw, bytes) else json.dumps(raw).encode())
    except NotASummaryError as error:
        assert len(str(error)) < 400  # noqa: PT017 - both ways are right, and the message stays short
        return
    assert all(isinstance(pod.pod_ref.name, str) for pod in pods)


@given(raw=JSON)
def test_any_object_is_a_pod_or_refused(raw: object) -> None:
    import msgspec  # noqa: PLC0415 - only here

    try:
        pod = pod_of(msgspec.json.encode(raw))
    except NotAPodError:
        return
    assert pod.namespace
    assert pod.name
    assert pod.uid
