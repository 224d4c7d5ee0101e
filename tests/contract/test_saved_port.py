"""The port `Saved`: the fake in memory and the files of a folder do the same."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autoscaler.clients.ports import NoCopy, Saved, SavedCopy
from autoscaler.clients.saved import SavedState
from tests.fakes.saved import FakeSaved

ARRAYS: dict[str, np.ndarray[Any, Any]] = {
    "loads": np.random.default_rng(1).random((50, 7)).astype(np.float32),
    "turned": np.arange(12.0).reshape(3, 4).T,
    "every other": np.arange(10)[::2],
    "names": np.array(["shop/Deployment/web", "ä"]),
    "raw": np.array([b"a", b"bcd"]),
    "nodes": np.array([(1, 2.5, True), (2, np.nan, False)], dtype=[("at", "<u4"), ("value", "<f8"), ("leaf", "?")]),
    "nothing": np.zeros((0, 3)),
    "one": np.array(3),
    "of the other end": np.arange(3, dtype=">i8"),
}
HEADER = {"ladder": [0.25, 3.0], "at_s": 1_800_000_000.5, "names": {"a": None}}


@pytest.fixture(params=["memory", "files"])
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> Saved:
    return FakeSaved() if request.param == "memory" else SavedState(str(tmp_path))


async def test_a_copy_is_what_was_written(saved: Saved) -> None:
    await saved.write("fleet", ARRAYS, HEADER)
    copy = await saved.read("fleet")
    assert isinstance(copy, SavedCopy)
    assert copy.header == HEADER
    assert list(copy.arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        read = copy.arrays[name]
        assert (read.dtype, read.shape, read.tobytes()) == (array.dtype, array.shape, array.tobytes())
        assert read.flags.writeable


async def test_where_nothing_was_saved_there_is_nothing_and_nothing_to_say(saved: Saved) -> None:
    assert await saved.read("fleet") == NoCopy("")


async def test_the_last_copy_of_a_name_counts_and_names_are_apart(saved: Saved) -> None:
    for name, value in (("a", 1), ("b", 2), ("a", 3)):
        await saved.write(name, {"x": np.array([value])}, {"n": value})
    for name, value in (("a", 3), ("b", 2)):
        copy = await saved.read(name)
        assert isinstance(copy, SavedCopy)
        assert (copy.header, copy.arrays["x"].tolist()) == ({"n": value}, [value])


async def test_a_copy_is_not_changed_by_what_becomes_of_the_arrays(saved: Saved) -> None:
    array = np.zeros(3)
    await saved.write("a", {"x": array}, {})
    array += 1
    copy = await saved.read("a")
    assert isinstance(copy, SavedCopy)
    assert copy.arrays["x"].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "array",
    [
        np.array([object()]),
        np.array(["2026-01-01"], dtype="datetime64[D]"),
        np.zeros(1, dtype=[("a", "f8", (2,))]),
        np.zeros(1, dtype=np.dtype([("a", "u1"), ("b", "f8")], align=True)),
        np.zeros((1,) * 9),
    ],
)
async def test_what_could_not_be_read_again_is_not_written(array: np.ndarray[Any, Any], saved: Saved) -> None:
    await saved.write("a", {"x": np.ones(1)}, {})
    with pytest.raises(ValueError, match=r"cannot be saved|not a type"):
        await saved.write("a", {"x": array}, {})
    copy = await saved.read("a")
    assert isinstance(copy, SavedCopy)
    assert copy.arrays["x"].tolist() == [1.0]
