"""Copies on a disk: whole or not there, refused where they are not ours, and an error that says what to do."""

import asyncio
import hashlib
import json
import os
import struct
import subprocess
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autoscaler.clients import saved_format
from autoscaler.clients.ports import NoCopy, Pieces, SavedCopy
from autoscaler.clients.saved import SavedState
from autoscaler.errors import Temporary
from tests.fakes.waiting import until

Json = dict[str, Any]
MIB = 1 << 20
ARRAYS = {"x": np.arange(5.0)}


@contextmanager
def room() -> Iterator[Callable[[], int]]:
    """Give what tells the most bytes that were taken at once."""
    tracemalloc.start()
    peak = 0
    try:
        yield lambda: peak
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()


@pytest.fixture
def saved(tmp_path: Path) -> SavedState:
    return SavedState(str(tmp_path))


async def read(saved: SavedState) -> list[float] | str:
    found = await saved.read("fleet")
    return found.reason if isinstance(found, NoCopy) else found.arrays["x"].tolist()


async def test_without_a_folder_nothing_is_kept() -> None:
    nowhere = SavedState()
    await nowhere.write("fleet", ARRAYS, {})
    assert await nowhere.read("fleet") == NoCopy("")


@pytest.mark.parametrize("name", ["", "../x", "a/b", "A", ".a", "a" * 64])
async def test_a_name_cannot_lead_out_of_the_folder(name: str, saved: SavedState) -> None:
    with pytest.raises(ValueError, match="is no name of a saved copy"):
        await saved.write(name, ARRAYS, {})
    with pytest.raises(ValueError, match="is no name of a saved copy"):
        await saved.read(name)


async def test_a_folder_that_is_not_there_is_named_with_what_to_do(tmp_path: Path) -> None:
    missing = SavedState(str(tmp_path / "none"))
    with pytest.raises(
        Temporary, match=r"saving what was learnt \(fleet\) in .*none: No such file.*correct forecast.saved_folder"
    ):
        await missing.write("fleet", ARRAYS, {})
    assert await missing.read("fleet") == NoCopy("")


FULL = """
import asyncio, resource, signal, sys
import numpy as np
from autoscaler.clients.saved import SavedState
saved = SavedState(sys.argv[1])
asyncio.run(saved.write("fleet", {"x": np.arange(5.0)}, {}))
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    asyncio.run(saved.write("fleet", {"x": np.zeros(100_000)}, {}))
except Exception as error:
    print(type(error).__name__, error)
"""


def test_where_the_disk_takes_no_more_the_old_copy_stays_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, tmp_path], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith(
        f"Temporary saving what was learnt (fleet) in {tmp_path}: File too large; the copy before it is"
    )
    assert "Make the volume larger (forecast.saved.size of the chart)" in done.stdout
    assert asyncio.run(read(SavedState(str(tmp_path)))) == ARRAYS["x"].tolist()
    assert [path.name for path in tmp_path.iterdir()] == ["fleet.saved"]


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs Linux' /sys, where not even root may make a file")
async def test_a_folder_that_may_not_be_written_is_named_with_what_to_do() -> None:
    with pytest.raises(Temporary, match=r"in /sys: (Permission denied|Operation not permitted|Read-only).*user \d+ \(fsGroup"):
        await SavedState("/sys").write("fleet", ARRAYS, {})


async def test_what_an_ended_process_left_unfinished_is_removed_and_what_is_being_written_is_not(saved: SavedState) -> None:
    old, new, others = (Path(saved.folder) / name for name in (".fleet.a.new", ".fleet.b.new", ".models.c.new"))
    for path in (old, new, others):
        path.write_bytes(b"half")
    for path in (old, others):
        os.utime(path, (time.time() - 7200,) * 2)
    await saved.write("fleet", ARRAYS, {})
    assert (old.exists(), new.exists(), others.exists()) == (False, True, True)


def sealed(header: object, body: bytes = b"", *, form: int = 1, body_bytes: int | None = None) -> bytes:
    """A file whose checksum is right, whatever is in it: what somebody who may write to the volume could put there."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    content = struct.pack(">8sIQQ", b"foresail", form, len(text), len(body) if body_bytes is None else body_bytes) + text + body
    return content + hashlib.sha256(content).digest()


def a_header(*rows: Json, **changes: Any) -> Json:  # noqa: ANN401 - any JSON
    return {"writer": saved_format._WRITER, "about": {}, "arrays": list(rows), **changes}


def a_row(dtype: object = "<f8", shape: object = (1,), name: str = "x") -> Json:
    return {"name": name, "dtype": dtype, "shape": shape}


OTHER = {"foresail": "0.0.1", "scikit-learn": "1.0"}
HOSTILE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "does not begin"),
    "another file": (b"PK\x03\x04" + bytes(100), "does not begin"),
    "another format": (sealed(a_header(), form=2), "it has the format 2, and this version reads 1"),
    "another version": (
        sealed(a_header(writer=OTHER)),
        "written by foresail 0.0.1 with scikit-learn 1.0, and this is foresail",
    ),
    "a writer that is a number": (sealed(a_header(writer=7)), "written by foresail of no version"),
    "a deep writer": (
        sealed(b'{"writer":' + b"[" * 100_000 + b"]" * 100_000 + b',"about":{},"arrays":[]}'),
        "its header is not",
    ),
    "no JSON": (sealed(b"\xff\xfe{"), "its header is not"),
    "a list": (sealed([]), "its header is not"),
    "no arrays": (sealed({"writer": saved_format._WRITER, "about": {}}), "its header is not"),
    "a number of a million digits": (sealed(b'{"writer":' + b"9" * 1_000_000 + b"}"), "its header is not"),
    "about that is a list": (sealed(a_header(about=[])), "too many arrays, or one twice"),
    "one array twice": (sealed(a_header(a_row(), a_row()), bytes(16)), "too many arrays, or one twice"),
    "too many arrays": (sealed(a_header(*[a_row(shape=[0], name=str(n)) for n in range(10_001)])), "too many arrays"),
    "more than there is": (sealed(a_header(a_row(shape=[1 << 29])), bytes(8)), "larger or smaller"),
    "terabytes": (sealed(a_header(a_row(shape=[1 << 20, 1 << 20])), bytes(8)), "larger or smaller"),
    "terabytes that cancel out": (
        sealed(a_header(a_row(shape=[-1]), a_row(shape=[2], name="y")), bytes(8)),
        "its header is not",
    ),
    "an array of nothing, without end": (sealed(a_header(a_row(shape=[0, *[(1 << 30) - 1] * 7]))), "no array has the shape"),
    "a body that is said to be larger": (sealed(a_header(a_row()), bytes(8), body_bytes=1 << 60), "cut off, or damaged"),
    "objects": (sealed(a_header(a_row(dtype="|O")), bytes(8)), "its header is not"),
    "objects in a record": (sealed(a_header(a_row(dtype=[["a", "|O8"]])), bytes(8)), "its header is not"),
    "a type that is a program": (sealed(a_header(a_row(dtype="__import__('os')")), bytes(8)), "its header is not"),
    "a type that numpy lacks": (sealed(a_header(a_row(dtype="<f7")), bytes(7)), "its header is not"),
    "a type that is no text": (sealed(a_header(a_row(dtype=[[1, 2]])), bytes(8)), "its header is not"),
    "a record with one field twice": (
        sealed(a_header(a_row(dtype=[["a", "|u1"], ["a", "|u1"]])), bytes(2)),
        "its header is not",
    ),
    "a shape that is a truth": (sealed(a_header(a_row(shape=[True])), bytes(8)), "its header is not"),
    "a shape that is no list": (sealed(a_header(a_row(shape="1")), bytes(8)), "its header is not"),
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_a_file_that_is_not_ours_is_refused_with_its_reason_and_takes_no_room(case: str, saved: SavedState) -> None:
    content, why = HOSTILE[case]
    path = Path(saved.folder) / "fleet.saved"
    path.write_bytes(content)
    with room() as taken:
        reason = await read(saved)
    assert taken() < 64 * MIB
    assert isinstance(reason, str)
    assert reason.startswith(f"the saved copy {path} cannot be used: ")
    assert why in reason
    assert reason.endswith("What it held is learnt again from Prometheus")


async def test_a_file_larger_than_any_of_ours_is_not_even_read(saved: SavedState) -> None:
    with (Path(saved.folder) / "fleet.saved").open("wb") as file:
        file.truncate(1 << 40)  # without a byte of it on the disk
    assert "more than" in str(await read(saved))


def a_link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


@pytest.mark.parametrize(
    ("make", "why"),
    [(os.mkfifo, "it is not a file"), (Path.mkdir, "Is a directory"), (a_link, "symbolic links")],
)
async def test_what_is_no_file_is_refused_and_not_waited_for(make: Callable[[Path], None], why: str, saved: SavedState) -> None:
    make(Path(saved.folder) / "fleet.saved")
    async with asyncio.timeout(60):
        assert why in str(await read(saved))


async def test_arrays_that_no_reader_would_take_are_not_written(saved: SavedState, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_format, "MOST_BYTES", 10_000)
    with pytest.raises(ValueError, match="cannot be saved: at most 10000 bytes"):
        await saved.write("fleet", {"x": np.zeros(10_000)}, {})
    assert [*Path(saved.folder).iterdir()] == []  # noqa: ASYNC240 - of a test


async def test_a_large_copy_is_not_doubled_in_memory_neither_when_it_is_written_nor_when_it_is_read(saved: SavedState) -> None:
    large = {"x": np.ones((40, 1 << 17))}  # 40 MiB
    with room() as taken:
        await saved.write("fleet", large, {})
    assert taken() < 4 * MIB
    with room() as taken:
        copy = await saved.read("fleet")
    assert isinstance(copy, SavedCopy)
    assert 40 * MIB <= taken() < 44 * MIB


def in_pieces(rows: int, fail_at: int = -1, fault: BaseException | None = None, columns: int = 1 << 17) -> Pieces:
    async def take() -> AsyncIterator[np.ndarray[Any, Any]]:
        for row in range(rows):
            if row == fail_at and fault is not None:
                raise fault
            yield np.full((1, columns), float(row))

    return Pieces(np.dtype(np.float64), (40, 1 << 17), take)


async def test_an_array_in_pieces_is_one_array_and_never_there_as_a_whole(saved: SavedState) -> None:
    with room() as taken:
        await saved.write("fleet", {"x": in_pieces(40)}, {})
    assert taken() < 6 * MIB
    copy = await saved.read("fleet")
    assert isinstance(copy, SavedCopy)
    assert copy.arrays["x"].shape == (40, 1 << 17)
    assert copy.arrays["x"][:, 7].tolist() == list(range(40))
    assert copy.arrays["x"].flags.owndata


@pytest.mark.parametrize("pieces", [in_pieces(39), in_pieces(41), in_pieces(40, columns=1 << 16)], ids=["few", "many", "thin"])
async def test_pieces_that_are_not_the_array_that_was_told_of_are_refused(pieces: Pieces, saved: SavedState) -> None:
    await saved.write("fleet", ARRAYS, {})
    with pytest.raises(ValueError, match="the parts of the array x are not together one of"):
        await saved.write("fleet", {"x": pieces}, {})
    assert await read(saved) == ARRAYS["x"].tolist()


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyError("a fault"), asyncio.CancelledError()])
async def test_where_writing_ends_in_the_middle_the_old_copy_stays_and_nothing_else_is_left(
    fault: BaseException, saved: SavedState
) -> None:
    await saved.write("fleet", ARRAYS, {})
    with pytest.raises(Temporary if isinstance(fault, OSError) else type(fault), match=r"No space|fault|^$"):
        await saved.write("fleet", {"x": in_pieces(40, 20, fault)}, {})
    assert await read(saved) == ARRAYS["x"].tolist()
    folder = Path(saved.folder)
    await until(lambda: [path.name for path in folder.iterdir()] == ["fleet.saved"], deadline_s=30)


KILLED = """
import asyncio, os, sys
import numpy as np
from autoscaler.clients.ports import Pieces
from autoscaler.clients.saved import SavedState
async def take():
    yield np.ones((3, 1000))
    os._exit(9)
asyncio.run(SavedState(sys.argv[1]).write("fleet", {"x": Pieces(np.dtype(float), (6, 1000), take)}, {}))
"""


async def test_a_process_that_is_killed_in_the_middle_leaves_the_old_copy(saved: SavedState) -> None:
    await saved.write("fleet", ARRAYS, {})
    words = [sys.executable, "-c", KILLED, saved.folder]
    assert await (await asyncio.create_subprocess_exec(*words)).wait() == 9
    assert await read(saved) == ARRAYS["x"].tolist()
