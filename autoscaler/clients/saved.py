"""What was learnt, in files of one folder, so that a restart need not learn it again: the port `Saved`.

A copy is whole or not there: it is written beside the old one, brought to the disk, and put into its place in one step. What
cannot be used is no error, as everything can be learnt again from Prometheus; that takes time, so the reason is given.
"""

import asyncio
import errno
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, ParamSpec, TypeVar

from numpy.typing import NDArray

from autoscaler.clients import saved_format
from autoscaler.clients.ports import Json, NoCopy, Pieces, SavedCopy
from autoscaler.errors import Temporary

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_ENDING, _UNFINISHED = ".saved", ".new"
_LEFT_BEHIND_S = 3600.0  # what is that old and unfinished is of a process that was ended while it wrote
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_AGAIN_S = 60.0  # until it is tried again: what is written may be hundreds of MB

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SavedState:
    """Implements `ports.Saved`; without a folder nothing is kept, and nothing is there."""

    folder: str = ""
    # A disk that hangs holds this one thread, and none of those that others wait for.
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="saved"), repr=False, compare=False
    )

    async def write(self, name: str, arrays: Mapping[str, NDArray[Any] | Pieces], header: Json) -> None:
        """Replace a copy, its pieces in threads; see `ports.Saved`. Arrays that are given whole must not change meanwhile."""
        if not self.folder:
            return
        path = self._path(name)
        try:
            await self._aside(self._sweep, name)
            await self._replace(path, saved_format.content(arrays, header))
        except OSError as error:
            raise Temporary(
                f"saving what was learnt ({name}) in {self.folder}: {error.strerror or error}; the copy before it is whole. "
                f"{_remedy(error.errno)}",
                retry_after_s=_AGAIN_S,
            ) from error

    async def read(self, name: str) -> SavedCopy | NoCopy:
        """Return a copy, read in a thread; see `ports.Saved`."""
        return await self._aside(self._read, name) if self.folder else NoCopy()

    def _read(self, name: str) -> SavedCopy | NoCopy:
        path = self._path(name)
        try:
            with open(path, "rb", opener=_careful) as file:
                return saved_format.read(file)
        except FileNotFoundError:
            return NoCopy()
        except (saved_format.Unusable, OSError, MemoryError) as error:
            why = getattr(error, "strerror", None) or str(error) or "it does not fit into memory"
            return NoCopy(f"the saved copy {path} cannot be used: {why}. What it held is learnt again from Prometheus")

    async def _replace(self, path: Path, pieces: AsyncIterator[bytes | memoryview]) -> None:
        """Write a file beside another and put it into its place; where that fails nothing is left of it.

        Nobody waits for a disk that hangs: whoever is cut off leaves the rest to the thread that writes.
        """
        stream, fresh = await self._aside(_begun, path)
        sealed = saved_format.Sealed(stream)
        try:
            async for piece in pieces:
                await self._aside(sealed.write, piece)
            await self._aside(_put, sealed, fresh, path)
        except BaseException as error:
            left = asyncio.get_running_loop().run_in_executor(self._thread, _discard, stream, fresh)
            if isinstance(error, Exception):
                await left
            raise

    async def _aside(self, call: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(call, *arguments, **named))

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a saved copy: {_NAME.pattern}")
        return Path(self.folder) / f"{name}{_ENDING}"

    def _sweep(self, name: str) -> None:
        """Remove what ended processes left unfinished; what somebody writes now is younger."""
        for path in Path(self.folder).glob(f".{name}.*{_UNFINISHED}"):
            with suppress(FileNotFoundError):  # another replica was faster
                if time.time() - path.stat().st_mtime > _LEFT_BEHIND_S:
                    path.unlink()


def _begun(path: Path) -> tuple[BinaryIO, Path]:
    handle, fresh = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=_UNFINISHED, dir=path.parent)
    return os.fdopen(handle, "wb"), Path(fresh)


def _put(sealed: saved_format.Sealed, fresh: Path, path: Path) -> None:
    """Bring a file to the disk, and put it into the place of another in one step."""
    sealed.end()
    with sealed.stream as stream:
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # the new name is on the disk a little later where a file system cannot be told to hurry
            os.fsync(folder)
    finally:
        os.close(folder)


def _discard(stream: BinaryIO, fresh: Path) -> None:
    """Leave nothing of an unfinished file, after what is being written of it."""
    with suppress(OSError):  # it may be the disk that is full
        stream.close()
    fresh.unlink(missing_ok=True)


def _careful(path: str, flags: int) -> int:
    """Open a file: not through a link, and not waiting for the other end of a pipe."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _remedy(number: int | None) -> str:
    if number in _FULL:
        return "Make the volume larger (forecast.saved.size of the chart)"
    if number in _FORBIDDEN:
        return f"The volume must be writable for user {os.getuid()} (fsGroup of the pod, readOnly of the mount)"
    if number in {errno.ENOENT, errno.ENOTDIR}:
        return "Create the folder, mount it, or correct forecast.saved_folder"
    return "Check the volume behind forecast.saved_folder"
