"""Structured logs on standard error: one line an event, JSON unless a person is at a terminal.

Libraries that log by the standard library come out in the same form. What is logged, and when, is left to loops and clients.
"""

import logging
import sys
from typing import Any, TextIO

import structlog
from structlog.types import Processor

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_CHATTY = ("aiohttp.access", "asyncio", "kubernetes_asyncio", "urllib3")  # nothing below a warning from these


def configure(level: str = "info", form: str = "auto", stream: TextIO | None = None) -> None:
    """Set up all logging of the process; `form` is json, console, or auto (console on a terminal).

    May be called again; the last call counts.
    """
    out = stream or sys.stderr
    least = _LEVELS[level]
    console = form == "console" or (form == "auto" and out.isatty())
    shared, last = _shared(), _last(console=console, colors=out.isatty())
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(level=least, handlers=[handler], force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(least, logging.WARNING))


def first_line(version: str, settings: dict[str, Any]) -> None:
    """Say which version starts with which settings; the caller has masked the secrets."""
    structlog.get_logger().info("starting", version=version, settings=settings)


def _shared() -> tuple[Processor, ...]:
    return (
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    )


def _last(*, console: bool, colors: bool) -> tuple[Processor, ...]:
    if console:
        plain = structlog.dev.plain_traceback  # with all local values, a traceback takes seconds to print
        return (structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain),)
    return (structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str))
