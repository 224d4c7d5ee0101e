"""Decides for each request whether it is answered, and adds the headers that every answer has.

The health checks are always answered, as the kubelet cannot bring a password; they tell nothing but a word. Everything
else, a path that does not exist included, is for those who prove who they are, if any proof is asked for.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web

from exporters.web.current import Current, told
from exporters.web.http_log import quiet_logger
from exporters.web.passwords import BusyError, Queue, credentials
from exporters.web.rate import SparingLog
from exporters.web.room import Limits, Room
from exporters.web.sliced import Sliced
from exporters.web.tokens import NoAnswerError, Reviewer, Verdict, bearer

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

    from exporters.names.account import Account
    from exporters.web.current import State

OPEN = frozenset({"/healthz", "/readyz"})
"""Paths that everybody may ask."""

_REALM = 'realm="foresail-exporter"'
_LONGEST_LINE_BYTES = 16_384
"""Of a header: a token with many groups in it is longer than aiohttp's own limit."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Gate:
    """Everything that stands between a client and an answer."""

    current: Current
    reviewer: Reviewer | None
    """Asks the Kubernetes API about bearer tokens; None: there are none."""
    queue: Queue
    thread: ThreadPoolExecutor
    room: Room = field(default_factory=Room)
    _sparing: SparingLog = field(default_factory=SparingLog)

    def guard(self, app: web.Application) -> None:
        """Stand before an application; what is under way here ends with it."""
        app.middlewares.append(self._middleware())
        app.on_response_prepare.append(self._add_headers)
        app.on_cleanup.append(self._end)

    def http_limits(self) -> dict[str, Any]:
        """Return what aiohttp is told: lengths of lines, how long it waits for what nobody reads, where it logs."""
        return {
            "max_line_size": _LONGEST_LINE_BYTES,
            "max_field_size": _LONGEST_LINE_BYTES,
            "keepalive_timeout": self.room.limits.idle_s,
            "lingering_time": 1.0,
            "auto_decompress": False,
            "logger": quiet_logger(self._sparing),
        }

    def tell(self) -> None:
        """Write to the log who is let in, and what is unwise about it."""
        state = self.current.get()
        log.info("web_guarded", file=self.current.file or None, token_review=self.reviewer is not None, **told(state))
        if state.context is None and (state.passwords is not None or self.reviewer is not None):
            log.warning(
                "web_secrets_in_the_clear",
                cause="passwords or tokens are asked for without encryption",
                remedy="add tls_server_config to the file of --web.config.file",
            )

    def _middleware(self) -> Middleware:
        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            self.room.begin(request.protocol)
            try:
                return await self._answer(request, handler)
            finally:
                self.room.finish(request.protocol)

        return middleware

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await self._refusal(request) or await handler(request)
        self.room.send(request.protocol, response.body if isinstance(response, Sliced) else b"")
        try:
            async with asyncio.timeout(self.room.limits.sending_s):
                await response.prepare(request)
                await response.write_eof()
        except TimeoutError:
            self._sparing.warning("answer_not_taken", peer=request.remote, cause="the client reads too slowly")
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:  # the client left; aiohttp finds that out by itself
            pass
        return response

    async def _refusal(self, request: web.Request) -> web.Response | None:
        """Return what a request is answered that must not be answered; None for all others."""
        if request.can_read_body:
            response = web.Response(status=413, text="a request has no body here\n")
            response.force_close()
            return response
        resource = request.match_info.route.resource
        if resource is not None and resource.canonical in OPEN:
            return None
        state = self.current.get()
        if state.bucket is not None and not state.bucket.take():
            return web.Response(status=429, text="too many requests; rate_limit of the web configuration says how many\n")
        if state.passwords is None and self.reviewer is None:
            return None
        return await self._unproven(request, state)

    async def _unproven(self, request: web.Request, state: State) -> web.Response | None:
        header = request.headers.get("Authorization", "")
        try:
            if state.passwords is not None and (given := credentials(header)) is not None:
                return None if await state.passwords.fit(given) else self._unauthorized(request, state)
            if self.reviewer is not None and (token := bearer(header)) is not None:
                verdict = await self.reviewer.verdict(token, request.path, request.method.lower())
                return self._by(verdict, request, state)
        except BusyError:
            return _later("too many checks of passwords or tokens are waiting")
        except NoAnswerError:
            return _later("the Kubernetes API cannot be asked about the token; the exporter's log says why")
        return self._unauthorized(request, state)

    def _by(self, verdict: Verdict, request: web.Request, state: State) -> web.Response | None:
        if verdict is Verdict.ALLOWED:
            return None
        if verdict is Verdict.UNKNOWN:
            return self._unauthorized(request, state)
        self._sparing.warning(
            "forbidden", peer=request.remote, path=request.path, cause="the owner of the token may not read it"
        )
        return web.Response(
            status=403, text=f"the owner of the token may not {request.method.lower()} the nonResourceURL {request.path!r}\n"
        )

    def _unauthorized(self, request: web.Request, state: State) -> web.Response:
        self._sparing.warning("unauthorized", peer=request.remote, path=request.path, sent=_scheme(request))
        response = web.Response(status=401, text="unauthorized: send the name and password, or the token, that is asked for\n")
        if state.passwords is not None:
            response.headers.add("WWW-Authenticate", f'Basic {_REALM}, charset="UTF-8"')
        if self.reviewer is not None:
            response.headers.add("WWW-Authenticate", f"Bearer {_REALM}")
        return response

    async def _add_headers(self, _: web.Request, response: web.StreamResponse) -> None:
        for name, value in self.current.get().config.headers:
            response.headers[name] = value

    async def _end(self, _: web.Application) -> None:
        self.thread.shutdown(wait=False, cancel_futures=True)
        if self.reviewer is not None:
            await self.reviewer.close()


def make_gate(file: str, account: Account | None, limits: Limits | None = None) -> Gate:
    """Make the gate: with a configuration's file or "", and with the API to ask about tokens or None.

    Raises BadWebConfigError.
    """
    thread = ThreadPoolExecutor(1, thread_name_prefix="passwords")
    queue = Queue(thread)
    return Gate(
        current=Current(file, queue),
        reviewer=None if account is None else Reviewer(account),
        queue=queue,
        thread=thread,
        room=Room(limits or Limits()),
    )


def _scheme(request: web.Request) -> str:
    """Tell what kind of proof was sent, never the proof: a client that mixes schemes up is the usual mistake."""
    header = request.headers.get("Authorization", "")
    return header.partition(" ")[0][:16] if " " in header else ("something" if header else "nothing")


def _later(cause: str) -> web.Response:
    return web.Response(status=503, text=f"{cause}\n", headers={"Retry-After": "1"})
