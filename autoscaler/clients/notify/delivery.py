"""One attempt to deliver one message to one receiver, and what follows from its answer.

URLs of receivers are secrets (whoever knows one can write to a channel), so no message here tells one.
"""

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import aiohttp

from autoscaler.clients.notify.signing import headers, read_secrets
from autoscaler.clock import Clock
from autoscaler.errors import Permanent, Temporary
from autoscaler.settings import WebhookSettings

_TRY_AGAIN = frozenset({408, 425, 429})  # and 5xx; any other status says that trying again is pointless
_FIRST_OK, _FIRST_REDIRECT, _FIRST_CLIENT_ERROR, _FIRST_SERVER_ERROR = 200, 300, 400, 500


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: the id stays the same over all attempts, so that a receiver knows a repetition."""

    id: str
    type: str
    body: bytes


class Verdict(StrEnum):
    """What came of an attempt."""

    DELIVERED = "delivered"
    REFUSED = "refused"  # for good
    FAILED = "failed"  # for now


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict, why, and how long the receiver asks to wait (None: it did not say)."""

    verdict: Verdict
    why: str = ""
    retry_after_s: float | None = None


async def attempt(session: aiohttp.ClientSession, receiver: WebhookSettings, message: Message, clock: Clock) -> Outcome:
    """Send a message once. Never raises for what a receiver, the network or the files of URL and secret do."""
    try:
        secrets = read_secrets(receiver.secret_file) if receiver.secret_file else ()
        signed = headers(message.id, int(clock.now_s()), message.body, secrets)
        async with session.post(
            _address(receiver),
            data=message.body,
            headers={"Content-Type": "application/json", **signed},
            timeout=aiohttp.ClientTimeout(total=receiver.timeout_s),
            allow_redirects=False,  # a redirect could lead a signed message elsewhere
        ) as response:
            return judge(response.status, response.headers.get("Retry-After"), clock.now_s())
    except (Temporary, Permanent) as problem:  # an unusable file may be mended while we wait; unsigned is never sent
        return Outcome(Verdict.FAILED, str(problem))
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as problem:
        return Outcome(Verdict.FAILED, type(problem).__name__)  # its text may hold the URL


def usable(url: str) -> bool:
    """Say whether a text is a URL that messages can be posted to."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, an address that is none
        return False


def judge(status: int, retry_after: str | None, now_s: float) -> Outcome:
    """Return what an answer means; `retry_after` is the header, in seconds or as a date."""
    if _FIRST_OK <= status < _FIRST_REDIRECT:
        return Outcome(Verdict.DELIVERED)
    if status in _TRY_AGAIN or status >= _FIRST_SERVER_ERROR:
        return Outcome(Verdict.FAILED, f"HTTP {status}", _seconds(retry_after, now_s))
    if _FIRST_REDIRECT <= status < _FIRST_CLIENT_ERROR:
        return Outcome(Verdict.REFUSED, f"HTTP {status}: redirects are not followed; set the final URL")
    return Outcome(Verdict.REFUSED, f"HTTP {status}: the receiver does not want this; check its URL and secret")


def wait_s(failures: int, retry_after_s: float | None, random: Random, bounds_s: tuple[float, float]) -> float:
    """Return how long to wait after the n-th failure: what the receiver asks for, else full jitter that grows exponentially.

    "At once" (zero, or a date that has passed) still means the first wait, or such a receiver is called without a pause.
    """
    first_s, longest_s = bounds_s
    if retry_after_s is not None:
        return max(retry_after_s, first_s)
    return random.uniform(0.0, min(longest_s, first_s * 2.0 ** min(failures - 1, 62)))


def _address(receiver: WebhookSettings) -> str:
    """Return where a receiver listens. Raises Temporary when its file cannot be read now, Permanent when it holds no URL."""
    file = receiver.url_file
    if not file:
        return receiver.url
    try:
        words = Path(file).read_text().split()
    except (OSError, UnicodeDecodeError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else "it is not text"  # a decode error holds the bytes
        raise Temporary(f"reading the URL file {file}: {why}; is it mounted?") from problem
    if len(words) != 1 or not usable(words[0]):
        raise Permanent(f"the URL file {file} must hold one URL, http://… or https://… with a host, and nothing else")
    return words[0]


def _seconds(text: str | None, now_s: float) -> float | None:
    if text is None:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now_s)
    except ValueError:
        return None
