"""Fetches /stats/summary from the kubelet of this node, over its own port and with the pod's token.

The right to ``get`` on ``nodes/stats`` is enough: the kubelet asks the API whether the token has it. The kubelet's
certificate is checked against an authority, the cluster's own unless another is given. Many kubelets show a certificate
that they signed themselves; then either that certificate is the authority, or checking has to be switched off, which
hands the token to whoever answers at the node's address.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp
import structlog

from exporters.kubelet.summary import NotASummaryError, SummaryBook, summary_of

if TYPE_CHECKING:
    from exporters.names.account import Account

_OK = 200
_REFUSED = frozenset({401, 403})
_MOST_BYTES = 64 << 20
_SHOWN = 200

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the kubelet is asked, all in seconds."""

    answer_s: float = 20.0
    """An answer takes no longer."""
    shortest_s: float = 10.0
    """Between two questions at least; the kubelet itself looks at volumes about once a minute."""
    longest_s: float = 120.0
    """Between two questions after failures at most."""


class _KubeletError(Exception):
    """The kubelet answered, but not with what was asked for."""


@dataclass(slots=True)
class KubeletClient:
    """Keeps the book of the kubelet's answers; ``run`` does the work."""

    account: Account
    """Address of the kubelet, the token that is shown to it, and the authority that vouches for it."""
    book: SummaryBook
    server_name: str | None = None
    """Name in the kubelet's certificate, which is the node's; None for the address."""
    is_checked: bool = True
    """Check the kubelet's certificate."""
    pace: Pace = field(default_factory=Pace)
    chance: random.Random = field(default_factory=random.Random)
    _failures: int = 0

    async def run(self) -> None:
        """Fetch once, and then whenever somebody has looked, until cancelled."""
        looked = asyncio.Event()
        loop = asyncio.get_running_loop()

        def ask() -> None:
            loop.call_soon_threadsafe(looked.set)

        self.book.when_looked_at(ask)
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self.pace.answer_s)) as session:
                while True:
                    looked.clear()
                    await self._attempt(session)
                    await asyncio.sleep(self._wait_s())
                    await looked.wait()
        finally:
            self.book.when_looked_at(None)

    async def _attempt(self, session: aiohttp.ClientSession) -> None:
        try:
            self.book.put(summary_of(await self._fetch(session)))
        except (aiohttp.ClientError, OSError, TimeoutError, _KubeletError, NotASummaryError) as error:
            self._failures += 1
            cause = str(error) or type(error).__name__
            self.book.miss(cause)
            log.warning(
                "kubelet_not_asked",
                server=self.account.server,
                cause=cause,
                failures=self._failures,
                consequence="what containers and volumes hold is shown as last heard, and then not at all",
            )
        else:
            self._failures = 0

    def _wait_s(self) -> float:
        longest_s = min(self.pace.longest_s, self.pace.shortest_s * 2.0 ** min(self._failures, 16))
        return longest_s * self.chance.uniform(0.5, 1.0) if self._failures else self.pace.shortest_s

    async def _fetch(self, session: aiohttp.ClientSession) -> bytes:
        async with session.get(
            f"{self.account.server}/stats/summary",
            headers=self.account.headers(),
            ssl=self.account.trust() if self.is_checked else False,
            server_hostname=self.server_name,
            allow_redirects=False,
        ) as response:
            if response.status != _OK:
                raise _KubeletError(await _explained(response))
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise _KubeletError(f"the answer is longer than {_MOST_BYTES} bytes")
            return bytes(body)


async def _explained(response: aiohttp.ClientResponse) -> str:
    said = (await response.content.read(_SHOWN * 4)).decode("utf-8", "replace").strip()
    remedy = "; grant the service account get on nodes/stats" if response.status in _REFUSED else ""
    return f"{response.method} {response.url.path} answered {response.status}: {said[:_SHOWN]}{remedy}"
