"""Tables of a network namespace and /proc/meminfo: any bytes give a value or the parser's own refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporters.cgroup import parse, tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEADING = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
TCP = b"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 590147 1 00000000 100 0\n"
TCP6 = b"12345: 00000000000000000000000001000000:20FB 00000000000000000000000000000000:0000 06 00000000:00000000 00:0 0     0\n"
UDP = b"13061: 0100007F:0035 00000000:0000 07 00000001:00000F00 00:00000000 00000000     0        0 590157 2 00000000 3   \n"
NETSTAT = b"TcpExt: SyncookiesSent TW\nTcpExt: 0 2\nIpExt: InOctets\nIpExt: 7\n"
MEMINFO = b"MemTotal:       24684096 kB\nActive(file):   12 kB\nHugePages_Total:       0\n"

PARSERS = (tables.tcp_states, tables.udp_sockets, tables.protocols, parse.meminfo)
WORDS = st.sampled_from(
    [TCP, TCP6, UDP, NETSTAT, MEMINFO, HEADING, b"Tcp:", b" 0A ", b"kB", b"-1", b"\n", b" ", b":", b"9" * 25, b"\xff", b"F" * 8]
)
DATA = st.one_of(st.binary(max_size=400), st.lists(WORDS, max_size=40).map(b"".join))

parsers = pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.__name__)


@parsers
@given(data=DATA)
def test_any_bytes_give_a_value_or_are_called_malformed(parser: Callable[[bytes], object], data: bytes) -> None:
    try:
        parser(data)
    except parse.Malformed as error:
        assert len(str(error)) < 400  # noqa: PT017 - both ways are right, and the message stays short


def test_what_the_kernel_writes_is_read() -> None:
    assert tables.tcp_states(TCP + TCP6) == [b"0A", b"06"]
    assert tables.udp_sockets(UDP + UDP) == [(1, 0xF00, 3)] * 2
    assert tables.protocols(NETSTAT) == {b"TcpExt": {b"SyncookiesSent": b"0", b"TW": b"2"}, b"IpExt": {b"InOctets": b"7"}}
    assert parse.meminfo(MEMINFO) == {b"MemTotal": 24684096 * 1024, b"Active(file)": 12 * 1024}


@pytest.mark.parametrize("row", [b"\n", b"   0: garbage\n", TCP[:30] + b"\n", TCP.replace(b"0A", b"zz"), b"\0" * 50 + b"\n"])
def test_a_row_that_is_none_is_refused_and_not_left_out(row: bytes) -> None:
    for parser, good in ((tables.tcp_states, TCP), (tables.udp_sockets, UDP)):
        with pytest.raises(parse.Malformed):
            parser(good + row)


@given(cut=st.integers(0, len(MEMINFO) - 1))
def test_a_meminfo_that_was_cut_loses_lines_and_changes_none(cut: int) -> None:
    assert parse.meminfo(MEMINFO[:cut]).items() <= parse.meminfo(MEMINFO).items()


@given(cut=st.integers(0, len(NETSTAT) - 1))
def test_counters_that_were_cut_lose_protocols_and_change_none(cut: int) -> None:
    assert tables.protocols(NETSTAT[:cut]).items() <= tables.protocols(NETSTAT).items()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.binary(max_size=60).map(lambda line: line.replace(b"\n", b"")), max_size=30), cut=st.integers(0, 20))
def test_pieces_together_are_all_whole_rows_without_the_heading(tmp_path: Path, lines: list[bytes], cut: int) -> None:
    written = b"".join(line + b"\n" for line in (HEADING.rstrip(), *lines))
    written = written[: max(0, len(written) - cut)]
    (tmp_path / "tcp").write_bytes(written)
    whole = written[: written.rfind(b"\n") + 1].partition(b"\n")[2]
    assert b"".join(tables.rows(str(tmp_path / "tcp"))) == whole


def test_a_file_without_lines_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "tcp").write_bytes(b"0" * 100_000)
    with pytest.raises(parse.Malformed):
        list(tables.rows(str(tmp_path / "tcp")))
