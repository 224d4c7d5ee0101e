"""Keeps the web configuration as young as its files.

Certificates are replaced every few weeks or hours, and nobody restarts an exporter for it. So whoever needs the
configuration (each new connection, each request) asks here, and a look at the files' marks, some microseconds, says
whether anything changed. A new version that cannot be used changes nothing: the old one stays, and the log says so once.
"""

from __future__ import annotations

import os
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from exporters.web import passwords, tls
from exporters.web.config import RateLimit, WebConfig, read_config
from exporters.web.passwords import Passwords, Queue
from exporters.web.rate import Bucket
from exporters.web.section import BadWebConfigError, missing_package

if TYPE_CHECKING:
    from exporters.roots import Clock

_RETRY_S = 10.0
"""A version that failed is tried again after this, although its marks are the same: the cause may have been outside."""

Mark = tuple[int, int, int, int] | None

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class State:
    """One version of the configuration, ready for use."""

    config: WebConfig
    context: ssl.SSLContext | None = None
    """None: plain HTTP."""
    allowed_sans: frozenset[str] = frozenset()
    passwords: Passwords | None = None
    """None: nobody is asked for one."""
    bucket: Bucket | None = None


class Current:
    """The newest version that could be used."""

    def __init__(self, file: str, queue: Queue, monotonic: Clock = time.monotonic) -> None:
        """Read the file for the first time; raises BadWebConfigError. An empty name stands for no file."""
        self.file = file
        self.is_well = True
        """False while the newest version cannot be used and an older one is in force."""
        self._queue = queue
        self._monotonic = monotonic
        self._watched: dict[str, Mark] = {}
        self._retry_s = float("inf")
        self._told = ""
        self._state = self._read() if file else State(WebConfig())

    def get(self) -> State:
        """Return the version to go by."""
        if self.file and (self._has_changed() or self._monotonic() >= self._retry_s):
            self._take_new()
        return self._state

    def _has_changed(self) -> bool:
        return any(_mark(name) != mark for name, mark in self._watched.items())

    def _take_new(self) -> None:
        try:
            new = self._read()
            _check_step(self._state, new)
        except BadWebConfigError as error:
            self.is_well = False
            self._retry_s = self._monotonic() + _RETRY_S
            if str(error) != self._told:
                self._told = str(error)
                log.error(  # noqa: TRY400 - the message says all; a traceback would hide it
                    "web_config_unusable",
                    file=self.file,
                    cause=self._told,
                    consequence="the version before it stays in force",
                )
            return
        self._state, self.is_well, self._retry_s, self._told = new, True, float("inf"), ""
        log.info("web_config_read_again", file=self.file, **told(new))

    def _read(self) -> State:
        """Read everything; each file's mark is taken before the file, so that a change in between is seen next time."""
        self._watched = {self.file: _mark(self.file)}
        config = read_config(self.file)
        self._watched |= {name: _mark(name) for name in config.files}
        return State(
            config=config,
            context=None if config.tls is None else tls.context(config.tls),
            allowed_sans=frozenset() if config.tls is None else frozenset(map(tls.one_spelling, config.tls.allowed_sans)),
            passwords=self._passwords(config),
            bucket=_bucket(config.rate_limit, self._monotonic),
        )

    def _passwords(self, config: WebConfig) -> Passwords | None:
        if not config.users:
            return None
        try:
            passwords.load()
        except ModuleNotFoundError as error:
            raise BadWebConfigError(f"basic_auth_users: {missing_package(error)}") from error
        return Passwords(config.users, self._queue)


def told(state: State) -> dict[str, object]:
    """Return for the log what a version means; no secret is among it."""
    tls_config = state.config.tls
    return {
        "encrypted": tls_config is not None,
        "client_certificates": None if tls_config is None else tls_config.client_auth.value,
        "users": len(state.config.users),
        **({"http2": "asked for, but not spoken here; HTTP/1.1 is"} if state.config.wants_http2 else {}),
    }


def _check_step(old: State, new: State) -> None:
    """Refuse steps that are more likely an accident, such as a file that is being written; raises BadWebConfigError."""
    if new.config.is_blank and not old.config.is_blank:
        raise BadWebConfigError("the file is empty now, which would let everybody in; to mean it, restart the exporter")
    if (old.context is None) is not (new.context is None):
        way = "off" if new.context is None else "on"
        raise BadWebConfigError(f"tls_server_config: encryption cannot be switched {way} on the way; restart the exporter")


def _bucket(limit: RateLimit | None, monotonic: Clock) -> Bucket | None:
    return None if limit is None else Bucket(limit.interval_s, limit.burst, monotonic)


def _mark(name: str) -> Mark:
    """Return what changes with a file: also when it is replaced by one of the same age, or its rights are mended."""
    try:
        found = os.stat(name)  # noqa: PTH116 - asked at every request; a Path would cost more than the question
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
