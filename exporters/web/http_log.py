"""Keeps what strangers send out of the log.

For each request that cannot be read aiohttp writes a traceback, so anybody who can open a connection could fill a disk.
Its own failures are still written as they are.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aiohttp.http import HttpProcessingError

from exporters.web.rate import SparingLog

if TYPE_CHECKING:
    from collections.abc import Callable

_SHOWN = 200


def quiet_logger(sparing: SparingLog) -> logging.Logger:
    """Return what aiohttp's server is to log to."""
    made = logging.Logger("exporters.web.http")  # noqa: LOG001 - one for each gate, with a filter of its own
    made.parent = logging.getLogger()
    made.addFilter(_no_tracebacks_of_strangers(sparing))
    return made


def _no_tracebacks_of_strangers(sparing: SparingLog) -> Callable[[logging.LogRecord], bool]:
    def is_wanted(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        if not isinstance(error, HttpProcessingError):
            return True
        sparing.warning("request_unreadable", cause=error.message[:_SHOWN], consequence=f"answered {error.code}")
        return False

    return is_wanted
