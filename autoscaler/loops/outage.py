"""Prometheus gone and back again, said once each and not in every pass."""

from dataclasses import dataclass

import structlog

from autoscaler.loops.context import Context
from autoscaler.settings_file import without_password

log = structlog.get_logger()


@dataclass(slots=True)
class Outage:
    """Whether Prometheus answered the last time, for one loop."""

    loop: str
    since_s: float | None = None

    def note(self, context: Context, error: str | None) -> None:
        """Say when the answers stop and when they come back; `error` is None when there was an answer."""
        now_s = context.clock.monotonic_s()
        if error is not None and self.since_s is None:
            self.since_s = now_s
            log.warning(
                "prometheus_unreachable",
                loop=self.loop,
                url=without_password(context.settings.prometheus.url),
                setting="prometheus.url",
                error=error,
                remedy="check that the address is right and Prometheus runs; replicas are held until it answers",
            )
        elif error is None and self.since_s is not None:
            log.info("prometheus_answers_again", loop=self.loop, after_s=round(now_s - self.since_s, 1))
            self.since_s = None
