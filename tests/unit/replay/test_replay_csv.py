"""Recordings from CSV files: what is read, what is tolerated and noted, and what is refused with its line."""

import gzip
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from autoscaler.replay import csv_file
from autoscaler.replay.recorded import Recorded, Unusable

PLAIN = "timestamp,value\n2026-01-01T00:00:00Z,1\n2026-01-01T00:01:00Z,2.5\n2026-01-01T00:02:00Z,3\n"
START_S = 1_767_225_600.0


def read(folder: Path, text: str | bytes, name: str = "load.csv") -> Recorded:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return csv_file.read(path)


def minutes(*values: object) -> str:
    return "".join(f"{START_S + 60 * at:.0f},{value}\n" for at, value in enumerate(values) if value is not None)


def test_a_plain_file_is_read_without_a_note(tmp_path: Path) -> None:
    found = read(tmp_path, PLAIN)
    assert (found.name, found.start_s, found.step_s, found.values.tolist(), found.notes) == (
        "load.csv",
        START_S,
        60.0,
        [1, 2.5, 3],
        (),
    )


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.split("\n", 1)[1],
        PLAIN.replace("\n", "\r\n"),
        f"\ufeff{PLAIN}",
        f"# recorded by hand\n\n{PLAIN}",
        PLAIN.replace("Z", "+00:00"),
        PLAIN.replace("timestamp,value", "time,requests"),
        f"{START_S:.0f},1\n{START_S + 60:.0f},2.5\n{START_S + 120:.0f},3\n",
        f"{START_S:.0f}000,1\n{START_S + 60:.0f}000,2.5\n{START_S + 120:.0f}000,3\n",
        "pod,value,timestamp\na,1,2026-01-01T00:00:00Z\na,2.5,2026-01-01T00:01:00Z\na,3,2026-01-01T00:02:00Z\n",
    ],
)
def test_headers_zones_line_ends_and_epochs_of_many_kinds_are_the_same_load(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, text)
    assert (found.start_s, found.step_s, found.values.tolist(), found.notes) == (START_S, 60.0, [1, 2.5, 3], ())


def test_a_compressed_file_is_read_whatever_its_name(tmp_path: Path) -> None:
    assert read(tmp_path, gzip.compress(PLAIN.encode()), "load.dat").values.tolist() == [1, 2.5, 3]


def test_times_without_a_zone_are_taken_as_utc_and_that_is_noted(tmp_path: Path) -> None:
    found = read(tmp_path, PLAIN.replace("Z", ""))
    assert (found.start_s, found.notes) == (START_S, ("times without a zone are taken as UTC",))


def test_lines_out_of_order_are_sorted_and_that_is_noted(tmp_path: Path) -> None:
    lines = minutes(1, 2, 3, 4).splitlines(keepends=True)
    found = read(tmp_path, "".join([lines[0], lines[3], lines[1], lines[2]]))
    assert found.values.tolist() == [1, 2, 3, 4]
    assert found.notes == ("1 lines were older than the one before them, so all were sorted",)


def test_of_two_lines_of_one_time_the_later_counts_and_that_is_noted(tmp_path: Path) -> None:
    found = read(tmp_path, minutes(1, 2, 3) + f"{START_S + 60:.0f},7\n")
    assert found.values.tolist() == [1, 7, 3]
    assert "1 lines were of a time that was there already; the later line counts" in found.notes


@pytest.mark.parametrize("missing", [None, "NaN", "", "null"])
def test_a_short_gap_has_the_value_before_it_and_that_is_noted(tmp_path: Path, missing: object) -> None:
    found = read(tmp_path, minutes(1, 2, *[missing] * 5, 3, 4))
    assert found.values.tolist() == [1, 2, 2, 2, 2, 2, 2, 3, 4]
    assert found.notes == ("5 missing samples have the value before them",)


def test_a_long_gap_is_refused_with_the_line_before_it(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"load.csv: line 3: after 2026-01-01T00:02:00Z 6 samples are missing, more than the 5"):
        read(tmp_path, minutes(1, 2, 3, *[None] * 6, 4, 5))


def test_a_change_of_the_clocks_in_local_times_is_named_as_one(tmp_path: Path) -> None:
    hours = [f"2026-03-29T{hour:02}:{minute:02}:00,5\n" for hour in (0, 1, 3, 4) for minute in range(60)]
    with pytest.raises(Unusable, match=r"line 120: .*if these are local times, a change of the clocks is one: write UTC"):
        read(tmp_path, "".join(hours))


def test_gaps_at_both_ends_are_left_out(tmp_path: Path) -> None:
    found = read(tmp_path, minutes("NaN", 1, 2, "NaN"))
    assert (found.start_s, found.values.tolist()) == (START_S + 60, [1, 2])


def test_a_step_that_is_a_little_longer_adds_up_and_is_found(tmp_path: Path) -> None:
    found = read(tmp_path, "".join(f"{START_S + 60.02 * at:.0f},{at}\n" for at in range(5000)))
    assert found.values.tolist() == list(range(5000))
    assert found.step_s == pytest.approx(60.02, rel=1e-5)


def test_columns_that_stand_the_other_way_round_are_taken_by_their_names(tmp_path: Path) -> None:
    swapped = "load,time\n" + "".join(f"{at},{START_S + 60 * at:.0f}\n" for at in range(3))
    assert read(tmp_path, swapped).values.tolist() == [0, 1, 2]


def test_values_that_are_missing_at_the_beginning_are_noted(tmp_path: Path) -> None:
    assert read(tmp_path, minutes("NaN", "NaN", 1, 2)).notes == ("2 samples without a value at the beginning are left out",)


@pytest.mark.parametrize("packed", [False, True])
def test_a_pipe_is_read_though_nothing_comes_twice(tmp_path: Path, packed: bool) -> None:  # noqa: FBT001
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content = minutes(*range(1, 2000)).encode()
    with ThreadPoolExecutor(1) as writer:
        written = writer.submit(pipe.write_bytes, gzip.compress(content) if packed else content)
        found = csv_file.read(pipe)
        assert written.result() > 0
    assert found.values.tolist() == list(range(1, 2000))


def test_samples_a_little_beside_their_place_are_put_into_it(tmp_path: Path) -> None:
    times = (0.0, 60.4, 119.8, 180.1, 240.3, 299.9)
    found = read(tmp_path, "".join(f"{START_S + at:.1f},{at:.0f}\n" for at in times))
    assert found.values.tolist() == [0, 60, 120, 180, 240, 300]
    assert found.step_s == pytest.approx(60, abs=0.1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds 0 samples"),
        ("timestamp,value\n", "holds 0 samples"),
        (minutes(1), "holds 1 samples"),
        (minutes("NaN", "NaN"), "holds 0 samples"),
        (minutes(1, 2, -3), "line 3: -3 cannot be a load"),
        (minutes(1, "inf", 3), "line 2: inf cannot be a load"),
        (minutes(1, "1e300"), "line 2: 1e300 cannot be a load"),
        (minutes(1, "many"), "line 2: 'many' is no number"),
        ("2026-01-01T00:00:00Z,1\nyesterday,2\n", "line 2: 'yesterday' is no time"),
        ("2026-13-01,1\n2026-13-02,2\n", "line 1: '2026-13-01' is no time"),
        ("1e30,1\n", "line 1: '1e30' is no time"),
        ("timestamp\n2026-01-01\n", "line 2: has 1 column where 2 are needed: a timestamp and a value, with a comma"),
        (minutes("92,5", "93,1"), "line 1: has 3 columns where 2 are needed: .* write decimals with a point"),
        ("timestamp,value\n" + minutes("92,5"), "line 2: has 3 columns"),
        ("time,cpu,mem\n" + minutes("1,2"), "line 1: names 3 columns; call the two that count timestamp and value"),
        ("host,timestamp,value\n" + "".join(f"{host},{60 * at},1\n" for host in "ab" for at in range(20)), "several series"),
        ("20260101,1\n20260102,2\n", "line 1: '20260101' may be a day or a number of seconds; write 2026-01-01"),
        ("9999-12-31T23:59:00,1\n", "line 1: '9999-12-31T23:59:00' is no time"),
        (f"{START_S},1\n{START_S},2\n", "all samples are of one time"),
        (
            minutes(1, 2, 3, 4) + f"{START_S + 210:.0f},5\n",
            "line 5: .* is 30 s after the sample before it, where most are 60 s apart",
        ),
        ("0,1\n1,2\n2,3\n1e10,4\n", "steps of 1 s; cut the file"),
        (b"\xff\xfe1,2\n", "is not text in UTF-8"),
        (b"\x1f\x8bbroken", "cannot be read"),
        (gzip.compress(PLAIN.encode())[:-20], "cannot be read"),
        ('1,"\n' + "x" * 200_000, "is not CSV"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_line_and_the_cause(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(Unusable, match=said) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith("--csv ")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"--csv .*none.csv: cannot be read: No such file"):
        csv_file.read(tmp_path / "none.csv")
