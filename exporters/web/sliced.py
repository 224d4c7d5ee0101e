"""An answer that is handed to the network in slices, so that all who read it slowly share one copy of it.

A transport copies what the network does not take at once. Given an answer of 30 MB whole, each client that reads nothing
would cost 30 MB; given in slices, with a pause until the last one has left, it costs a slice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIRST_BYTES = 16 << 10  # it is joined with the headers, and lets the client begin
_SLICE_BYTES = 512 << 10  # smaller ones cost noticeably more time
UNSENT_BYTES = 512 << 10
"""The kernel takes no more from a connection beyond what is on its way; it counts as memory of this process's cgroup."""
HELD_BYTES = _SLICE_BYTES + UNSENT_BYTES
"""So much of an answer is copied for a client that takes nothing of it."""


class Sliced(web.StreamResponse):
    """The response whose body is these bytes, which nobody changes."""

    def __init__(self, body: bytes, headers: Mapping[str, str]) -> None:
        super().__init__(headers=headers)
        self.body = body
        self.content_length = len(body)

    async def write_eof(self, data: bytes = b"") -> None:
        """Send the body; returns once all of it has been handed on but what the transport may hold."""
        if not self._must_be_empty_body and not self._eof_sent:
            whole = memoryview(self.body)
            await self.write(whole[:_FIRST_BYTES])
            for begin in range(_FIRST_BYTES, len(whole), _SLICE_BYTES):
                await self.write(whole[begin : begin + _SLICE_BYTES])
        await super().write_eof(data)
        self.body = b""  # a connection that stays open keeps its last response
