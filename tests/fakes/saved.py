"""The port `Saved` in memory, with knobs: a disk that takes nothing, a copy that cannot be used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoscaler.clients import saved_format
from autoscaler.clients.ports import Json, NoCopy, Pieces, SavedCopy


@dataclass(slots=True)
class FakeSaved:
    """Keeps copies in `copies`; `unusable` gives the reason why one cannot be used."""

    copies: dict[str, SavedCopy] = field(default_factory=dict)
    unusable: dict[str, str] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)  # names, in order
    _failures: list[Exception] = field(default_factory=list)

    def fail(self, error: Exception, times: int = 1) -> None:
        """Let the next writes raise an error."""
        self._failures.extend([error] * times)

    async def write(self, name: str, arrays: Mapping[str, NDArray[Any] | Pieces], header: Json) -> None:
        """Keep a copy; what no file could hold is refused as it is there."""
        whole = {key: await _whole(array) for key, array in arrays.items()}
        async for _ in saved_format.content(whole, header):
            pass
        if self._failures:
            raise self._failures.pop(0)
        self.writes.append(name)
        self.unusable.pop(name, None)
        self.copies[name] = SavedCopy({key: array.copy() for key, array in whole.items()}, dict(header))

    async def read(self, name: str) -> SavedCopy | NoCopy:
        """Return what was kept."""
        if name in self.unusable:
            return NoCopy(self.unusable[name])
        kept = self.copies.get(name)
        return NoCopy() if kept is None else SavedCopy({key: array.copy() for key, array in kept.arrays.items()}, kept.header)


async def _whole(array: NDArray[Any] | Pieces) -> NDArray[Any]:
    return np.concatenate([part async for part in array.take()]) if isinstance(array, Pieces) else array
