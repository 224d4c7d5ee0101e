"""Sets up logging: one line of JSON for each event, or colours on a terminal, to standard error.

Libraries that use the standard library's logging come out in the same form.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TYPE_CHECKING, TextIO, cast

import structlog

if TYPE_CHECKING:
    from exporters.settings import Log


class Stream:
    """Standard error, without its errors: a log that nobody takes any more must not turn into wrong answers or an end."""

    def __init__(self, to: TextIO | None) -> None:
        self._to = to

    def write(self, text: str) -> int:
        """Write what can be written."""
        with contextlib.suppress(OSError, ValueError):  # the other end is gone, the disk is full, it was closed
            if self._to is not None:
                self._to.write(text)
        return len(text)

    def flush(self) -> None:
        """Hand on what can be handed on."""
        with contextlib.suppress(OSError, ValueError):
            if self._to is not None:
                self._to.flush()


def configure(settings: Log) -> None:
    """Make every logger of the process write as the settings say."""
    stream = cast("TextIO", Stream(sys.stderr))
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    before = (
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    )
    after: tuple[structlog.typing.Processor, ...]
    if settings.format == "console" or (settings.format == "auto" and sys.stderr is not None and sys.stderr.isatty()):
        after = (structlog.dev.ConsoleRenderer(),)
    else:
        after = (structlog.processors.format_exc_info, structlog.processors.JSONRenderer())
    structlog.configure(
        processors=[*before, *after],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *after],
            foreign_pre_chain=before,
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
