"""How arrays lie in a saved file, and the only way back: nothing of it is run, and no room is taken that it does not fill.

    prelude  "foresail", version of this format, bytes of the header, bytes of the arrays
    header   JSON: what wrote it, what the writer says of it, and name, type and shape of each array
    arrays   one behind the other, as numpy lays them out (the body of an .npy file)
    seal     SHA-256 of all before

The types stand in the header and not before each array, as in an .npy file, because numpy reads that text as Python literals;
here a type is one of a closed list. The seal finds damage, not malice: who can write the file can seal it, so all else is
checked as well.
"""

import asyncio
import hashlib
import json
import math
import os
import re
import stat
import struct
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from autoscaler import __version__
from autoscaler.clients.ports import Json, Pieces, SavedCopy

FORMAT = 1
MOST_BYTES = 1 << 30  # of a file: 10,000 series at 60 KB each, and room; more is nothing that we wrote
_MOST_HEADER_BYTES = 16 << 20
_MOST_ARRAYS = 10_000
_MOST_DIMENSIONS = 8
_PRELUDE = struct.Struct(">8sIQQ")
_MAGIC = b"foresail"
_SEAL_BYTES = hashlib.sha256().digest_size
_CHUNK_BYTES = 1 << 20
_TYPE = re.compile(r"[<>|][biufSU][1-9][0-9]{0,5}")
_WRITER: Json = {"foresail": __version__, "scikit-learn": version("scikit-learn")}


class TooLarge(ValueError):
    """More than a copy may hold."""


class Unusable(Exception):
    """What is in a file is not, or no longer, what we would write; the message says why."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """An array as the header lists it."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(slots=True)
class Sealed:
    """A file that is written in pieces; the last thing in it is the checksum of all before."""

    stream: BinaryIO
    _seal: Any = field(default_factory=hashlib.sha256)  # hashlib names no type of its own

    def write(self, piece: bytes | memoryview) -> None:
        """Write some more."""
        self._seal.update(piece)
        self.stream.write(piece)

    def end(self) -> None:
        """Write the checksum."""
        self.stream.write(self._seal.digest())


async def content(arrays: Mapping[str, NDArray[Any] | Pieces], about: Json) -> AsyncIterator[bytes | memoryview]:
    """Yield the bytes of a file before its seal, in pieces; arrays that lie in order are not copied.

    Raises ValueError for arrays of objects or other types that could not be read again, for more than `MOST_BYTES`, and where
    parts are not together what was told of the array.
    """
    yield await asyncio.to_thread(_head, {name: (array.dtype, array.shape) for name, array in arrays.items()}, about)
    for name, array in arrays.items():
        if not isinstance(array, Pieces):
            yield _bytes_of(array)
            continue
        left = math.prod(array.shape) * array.dtype.itemsize
        async for part in array.take():
            left -= part.nbytes
            if part.dtype != array.dtype or part.shape[1:] != array.shape[1:] or left < 0:
                break
            yield _bytes_of(part)
        if left:
            raise ValueError(f"the parts of the array {name} are not together one of {array.dtype}{array.shape}")


def _head(kinds: Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]], about: Json) -> bytes:
    """Return what a file begins with; raises ValueError for what could not be read again."""
    listed = [_Listed(name, *kind) for name, kind in kinds.items()]
    for one in listed:
        if _dtype(_described(one.dtype)) != one.dtype or len(one.shape) > _MOST_DIMENSIONS:
            raise ValueError(f"the array {one.name} of {one.dtype}, shape {one.shape}, cannot be saved: {_TYPE.pattern} can")
    rows = [{"name": one.name, "dtype": _described(one.dtype), "shape": one.shape} for one in listed]
    header = json.dumps({"writer": _WRITER, "about": about, "arrays": rows}).encode()
    body = sum(one.size_bytes for one in listed)
    size = _PRELUDE.size + len(header) + body + _SEAL_BYTES
    if size > MOST_BYTES or len(header) > _MOST_HEADER_BYTES or len(rows) > _MOST_ARRAYS:
        raise TooLarge(
            f"{size} bytes in {len(rows)} arrays with a header of {len(header)} bytes cannot be saved: at "
            f"most {MOST_BYTES} bytes in {_MOST_ARRAYS} arrays with a header of {_MOST_HEADER_BYTES} bytes can"
        )
    return _PRELUDE.pack(_MAGIC, FORMAT, len(header), body) + header


def read(stream: BinaryIO) -> SavedCopy:
    """Return what a file holds, read from its beginning; raises `Unusable` (or OSError) and nothing else, whatever it holds."""
    found = os.fstat(stream.fileno())
    size = found.st_size
    if not stat.S_ISREG(found.st_mode):
        raise Unusable("it is not a file")
    if size > MOST_BYTES:
        raise Unusable(f"it has {size} bytes, and more than {MOST_BYTES} is never written")
    prelude = stream.read(_PRELUDE.size)
    if len(prelude) < _PRELUDE.size or not prelude.startswith(_MAGIC):
        raise Unusable("it does not begin as a saved copy does")
    _, form, header_bytes, body_bytes = _PRELUDE.unpack(prelude)
    if form != FORMAT:
        raise Unusable(f"it has the format {form}, and this version reads {FORMAT}")
    if _PRELUDE.size + header_bytes + body_bytes + _SEAL_BYTES != size or header_bytes > _MOST_HEADER_BYTES:
        raise Unusable(f"it has {size} bytes, and says that it has more or fewer: it was cut off, or damaged")
    _check_seal(stream, size)
    stream.seek(_PRELUDE.size)
    about, listed = _header(stream.read(header_bytes), body_bytes)
    return SavedCopy({one.name: _array(stream, one) for one in listed}, about)


def _check_seal(stream: BinaryIO, size: int) -> None:
    """Read the file once, a piece at a time, before anything of it is believed."""
    stream.seek(0)
    seal, left = hashlib.sha256(), size - _SEAL_BYTES
    while left and (piece := stream.read(min(left, _CHUNK_BYTES))):
        seal.update(piece)
        left -= len(piece)
    if left or stream.read(_SEAL_BYTES) != seal.digest():
        raise Unusable("its checksum is wrong: it was damaged after it was written")


def _header(text: bytes, body_bytes: int) -> tuple[Json, list[_Listed]]:
    """Return what the writer said, and the arrays, which fill the file exactly."""
    try:
        header = json.loads(text)
        writer, about, rows = header["writer"], header["about"], header["arrays"]
        if writer != _WRITER:
            raise Unusable(f"it was written by {_versions(writer)}, and this is {_versions(_WRITER)}")
        listed = [_Listed(str(row["name"]), _dtype(row["dtype"]), _shape(row["shape"])) for row in rows[: _MOST_ARRAYS + 1]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Unusable("its header is not one that we write") from error
    if len({one.name for one in listed}) != len(listed) or len(listed) > _MOST_ARRAYS or not isinstance(about, dict):
        raise Unusable("its header lists too many arrays, or one twice")
    if sum(one.size_bytes for one in listed) != body_bytes:
        raise Unusable("its arrays are larger or smaller than its header says")
    return about, listed


def _versions(writer: object) -> str:
    known = writer if isinstance(writer, dict) else {}
    return " with ".join(f"{name} {str(known.get(name, 'of no version'))[:40]}" for name in _WRITER)


def _described(dtype: np.dtype[Any]) -> object:
    """Return a type as JSON has it: its short name, or of a record name and type of each field."""
    return dtype.str if dtype.names is None else [[name, dtype[name].str] for name in dtype.names]


def _dtype(described: object) -> np.dtype[Any]:
    """Return the type again; ValueError unless it is of the closed list, which has no objects."""
    if isinstance(described, str) and _TYPE.fullmatch(described):
        return np.dtype(described)
    if isinstance(described, list) and described:
        fields = [(str(name), kind) for name, kind in described]
        if all(_TYPE.fullmatch(kind) for _, kind in fields):
            return np.dtype(fields)
    raise ValueError(f"not a type that is saved: {described!r}")


def _shape(described: object) -> tuple[int, ...]:
    if isinstance(described, list) and len(described) <= _MOST_DIMENSIONS:
        sizes = [size for size in described if type(size) is int and 0 <= size < MOST_BYTES]
        if len(sizes) == len(described):
            return tuple(sizes)
    raise ValueError(f"not a shape: {described!r}")


def _bytes_of(array: NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _array(stream: BinaryIO, one: _Listed) -> NDArray[Any]:
    """Read one array into memory that is its own; its size was compared with the file's."""
    try:
        room = np.empty(one.shape, dtype=one.dtype)
    except ValueError as error:
        raise Unusable(f"no array has the shape {one.shape}") from error
    view, at = room.reshape(-1).view(np.uint8).data, 0
    while at < room.nbytes:
        got = stream.readinto(view[at:])  # type: ignore[attr-defined] # a file opened without text has it
        if not got:
            raise Unusable("it became shorter while it was read")
        at += got
    return room
