"""Lets in who the Kubernetes API vouches for: a bearer token that it knows, of someone who may read this path.

This is what kube-rbac-proxy does beside a program, without the second container. Answers are remembered for a short
time and in a bounded number, by a keyed digest of the token. Whatever is not a clear yes is a no: an API that does not
answer is no reason to let anybody in, nor to call a token wrong.

Rights that are needed: ``create`` on ``tokenreviews.authentication.k8s.io`` and ``subjectaccessreviews.authorization.k8s.io``
(the ClusterRole ``system:auth-delegator`` has both). Who scrapes needs ``get`` on the nonResourceURL ``/metrics``.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
import time
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

import aiohttp
import msgspec

from exporters.web.passwords import BusyError
from exporters.web.rate import Bucket, SparingLog
from exporters.web.reviews import ACCESS_PATH, TOKEN_PATH, AccessReview, TokenReview, access_question, token_question

if TYPE_CHECKING:
    import ssl

    from exporters.names.account import Account
    from exporters.roots import Clock

_CREATED = frozenset({200, 201})
_REFUSED = frozenset({401, 403})
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)
_SHOWN = 200

T = TypeVar("T")


class Verdict(Enum):
    """What the API says of a caller."""

    ALLOWED = "allowed"
    UNKNOWN = "unknown"
    """The token is nobody's."""
    FORBIDDEN = "forbidden"
    """The token is good, its owner may not do this."""


class NoAnswerError(Exception):
    """The API could not be asked; the message says why."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Times and numbers of the reviews."""

    yes_s: float = 60.0
    """So long a yes holds, and so long after it a withdrawn right still works."""
    no_s: float = 10.0
    """So long a no holds: what was just granted works soon."""
    api_s: float = 5.0
    """A question takes no longer; half of what Prometheus waits for a scrape."""
    remembered: int = 256
    at_once: int = 4
    waiting: int = 32
    every_s: float = 0.1
    """Distance of questions in the long run: strangers with made-up tokens must not load the API through us."""
    burst: int = 20


@dataclass(frozen=True, slots=True)
class _Remembered:
    verdict: Verdict
    until_s: float


def bearer(header: str) -> str | None:
    """Return the token of an ``Authorization`` header of the scheme Bearer; None for any other and for a broken one."""
    scheme, _, token = header.partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and _TOKEN.fullmatch(token) else None


@dataclass(slots=True)
class Reviewer:
    """Asks the API, and remembers for a while what it said."""

    account: Account
    patience: Patience = field(default_factory=Patience)
    monotonic: Clock = time.monotonic
    _remembered: dict[bytes, _Remembered] = field(default_factory=dict)
    _under_way: dict[bytes, asyncio.Task[Verdict]] = field(default_factory=dict)
    _session: aiohttp.ClientSession | None = None
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _places: asyncio.Semaphore = field(init=False)
    _bucket: Bucket = field(init=False)
    _sparing: SparingLog = field(default_factory=SparingLog)

    def __post_init__(self) -> None:
        self._places = asyncio.Semaphore(self.patience.at_once)
        self._bucket = Bucket(self.patience.every_s, self.patience.burst, self.monotonic)

    async def verdict(self, token: str, path: str, verb: str) -> Verdict:
        """Return whether the owner of the token may do this; raises NoAnswerError and BusyError."""
        key = hmac.digest(self._secret, f"{token}\n{verb}\n{path}".encode("utf-8", "surrogateescape"), "sha256")
        known = self._remembered.get(key)
        if known is not None and self.monotonic() < known.until_s:
            return known.verdict
        return await asyncio.shield(self._under_way.get(key) or self._begin(key, token, (path, verb)))

    async def close(self) -> None:
        """End what is under way and the connections."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _begin(self, key: bytes, token: str, wish: tuple[str, str]) -> asyncio.Task[Verdict]:
        if len(self._under_way) >= self.patience.waiting or not self._bucket.take():
            raise BusyError
        task = asyncio.create_task(self._review(token, *wish))
        self._under_way[key] = task
        task.add_done_callback(lambda done: self._end(key, done))
        return task

    def _end(self, key: bytes, done: asyncio.Task[Verdict]) -> None:
        self._under_way.pop(key, None)
        if done.cancelled():
            return
        if (error := done.exception()) is None:
            self._remember(key, done.result())
        else:
            server = self.account.server
            self._sparing.warning("token_review_failed", server=server, cause=str(error), consequence="answered 503")

    def _remember(self, key: bytes, verdict: Verdict) -> None:
        holds_s = self.patience.yes_s if verdict is Verdict.ALLOWED else self.patience.no_s
        self._remembered.pop(key, None)
        while len(self._remembered) >= self.patience.remembered:
            del self._remembered[next(iter(self._remembered))]  # the oldest: dictionaries keep their order
        self._remembered[key] = _Remembered(verdict, self.monotonic() + holds_s)

    async def _review(self, token: str, path: str, verb: str) -> Verdict:
        try:
            async with asyncio.timeout(self.patience.api_s), self._places:
                trust = self.account.trust()
                who = (await self._ask(TOKEN_PATH, token_question(token), TokenReview, trust=trust)).status
                if not who.authenticated or who.error or who.user is None or not who.user.username:
                    return Verdict.UNKNOWN
                wish = access_question(who.user, path, verb)
                may = (await self._ask(ACCESS_PATH, wish, AccessReview, trust=trust)).status.allowed
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise NoAnswerError(str(error) or type(error).__name__) from error
        return Verdict.ALLOWED if may else Verdict.FORBIDDEN

    async def _ask(self, path: str, question: bytes, kind: type[T], *, trust: ssl.SSLContext | bool) -> T:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        async with self._session.post(
            f"{self.account.server}{path}",
            data=question,
            headers={**self.account.headers(), "Content-Type": "application/json"},
            ssl=trust,
            allow_redirects=False,
        ) as response:
            said = await response.read()
        if response.status not in _CREATED:
            raise NoAnswerError(_refusal(path, response.status, said))
        try:
            return msgspec.json.decode(said, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NoAnswerError(f"POST {path} was answered with what cannot be read: {error}") from error


def _refusal(path: str, status: int, said: bytes) -> str:
    remedy = ""
    if status in _REFUSED:
        remedy = f"; bind the ClusterRole system:auth-delegator to the service account: create on {path.rpartition('/')[2]}"
    return f"POST {path} answered {status}: {said[:_SHOWN].decode('utf-8', 'replace').strip()}{remedy}"
