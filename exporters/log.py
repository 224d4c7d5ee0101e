"""Sets up logging: one line of JSON for each event, or colours on a terminal, to standard error.

Libraries that use the standard library's logging come out in the same form.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from exporters.settings import Log


def configure(settings: Log) -> None:
    """Make every logger of the process write as the settings say."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    before = (
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    )
    after: tuple[structlog.typing.Processor, ...]
    if settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty()):
        after = (structlog.dev.ConsoleRenderer(),)
    else:
        after = (structlog.processors.format_exc_info, structlog.processors.JSONRenderer())
    structlog.configure(
        processors=[*before, *after],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *after],
            foreign_pre_chain=before,
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
