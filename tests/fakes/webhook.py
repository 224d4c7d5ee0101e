"""A receiver of webhooks over real HTTP, which checks signatures by its own reading of the Standard Webhooks scheme.

async with FakeReceiver(secret=b"…") as receiver:
    receiver.statuses.extend([500, 429])            # of the next answers; then 204
    receiver.headers = {"Retry-After": "3"}
    receiver.gate = asyncio.Event()                 # answers nothing until it is set
"""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aiohttp import web

from tests.fakes.loopback import LoopbackServer


@dataclass(frozen=True, slots=True)
class Received:
    """One request, and whether its signature is right (None: there is none)."""

    id: str
    timestamp: int
    signed: bool | None
    raw: bytes
    headers: dict[str, str]

    @property
    def body(self) -> dict[str, Any]:
        """The message."""
        return dict(json.loads(self.raw))


@dataclass(slots=True)
class FakeReceiver(LoopbackServer):
    """Keeps every request in `received`, those that it answers with an error too."""

    path: ClassVar[str] = "/hook?token=very-secret"  # which no log may show
    secret: bytes = b""
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)

    def types(self) -> list[str]:
        """Return the types of all messages that came, repetitions included."""
        return [one.body["type"] for one in self.received]

    async def handle(self, request: web.Request) -> web.Response:
        """Keep the message and answer it."""
        raw = await request.read()
        sent = request.headers
        told = Received(sent["webhook-id"], int(sent["webhook-timestamp"]), self._verify(sent, raw), raw, dict(sent))
        self.received.append(told)
        if self.gate:
            await self.gate.wait()
        return web.Response(status=self.statuses.pop(0) if self.statuses else 204, headers=self.headers)

    def _verify(self, sent: Any, raw: bytes) -> bool | None:  # noqa: ANN401 - a multidict
        if "webhook-signature" not in sent:
            return None
        content = b".".join([sent["webhook-id"].encode(), sent["webhook-timestamp"].encode(), raw])
        expected = "v1," + base64.b64encode(hmac.digest(self.secret, content, hashlib.sha256)).decode()
        return expected in sent["webhook-signature"].split(" ")
