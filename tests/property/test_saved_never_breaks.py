"""Whatever happens to the bytes of a saved copy, it is given back as it was written or refused; nothing else comes of it."""

import asyncio
import hashlib
from io import BytesIO
from tempfile import TemporaryFile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.clients import saved_format
from autoscaler.clients.ports import SavedCopy
from autoscaler.clients.saved_format import Unusable
from autoscaler.forecasting.peaks.kept import NotAModel, model_arrays, model_from
from autoscaler.forecasting.peaks.model import Rows, fit

RANDOM = np.random.default_rng(3)
MOMENTS = RANDOM.normal(size=(400, 4)).astype(np.float32)
MODEL = fit([Rows(MOMENTS, np.maximum(MOMENTS[:, 0].astype(np.float64), 0.0))])
ARRAYS = model_arrays(MODEL)


async def written() -> bytes:
    stream = BytesIO()
    sealed = saved_format.Sealed(stream)
    async for piece in saved_format.content(ARRAYS, {"lead_s": 60.0, "names": ["a", "ä"]}):
        sealed.write(piece)
    sealed.end()
    return stream.getvalue()


WHOLE = asyncio.run(written())


def read(content: bytes) -> SavedCopy:
    with TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        return saved_format.read(file)


def test_what_is_whole_is_read() -> None:
    assert {name: array.tobytes() for name, array in read(WHOLE).arrays.items()} == {
        name: array.tobytes() for name, array in ARRAYS.items()
    }


@given(at=st.integers(0, len(WHOLE) - 1), bit=st.integers(0, 7))
def test_a_bit_that_is_flipped_is_found(at: int, bit: int) -> None:
    damaged = bytearray(WHOLE)
    damaged[at] ^= 1 << bit
    with pytest.raises(Unusable):
        read(bytes(damaged))


@given(length=st.integers(0, len(WHOLE) - 1), more=st.binary(max_size=64))
def test_an_end_that_is_cut_off_or_another_is_found(length: int, more: bytes) -> None:
    damaged = WHOLE[:length] + more
    if damaged != WHOLE:
        with pytest.raises(Unusable):
            read(damaged)


@given(content=st.binary(max_size=300))
def test_any_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(Unusable):
        read(content)


@given(changes=st.lists(st.tuples(st.integers(0, len(WHOLE) - 33), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=300)
def test_what_is_changed_and_sealed_anew_gives_arrays_or_is_refused_and_no_model_leads_astray(
    changes: list[tuple[int, int]],
) -> None:
    changed = bytearray(WHOLE[:-32])
    for at, value in changes:
        changed[at] = value
    try:
        model = model_from(read(bytes(changed) + hashlib.sha256(changed).digest()).arrays)
    except (Unusable, NotAModel):
        return
    assert np.isfinite(model.rises(np.zeros((1, model.used.size), dtype=np.float32))).all()
