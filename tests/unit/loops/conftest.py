from collections.abc import Iterator

import pytest
import structlog
from structlog.testing import LogCapture

from autoscaler import telemetry


@pytest.fixture(autouse=True)
def fresh_series() -> None:
    """The registry is one for the process, as in the service; no test sees the series of another."""
    for metric in vars(telemetry).values():
        if getattr(metric, "_labelnames", ()):
            metric.clear()


@pytest.fixture(autouse=True)
def no_error_is_swallowed() -> Iterator[None]:
    """A loop goes on after an error of ours; a test must not, unless it captures the log itself."""
    capture = LogCapture()
    structlog.configure(processors=[capture])
    yield
    structlog.reset_defaults()
    assert [entry for entry in capture.entries if entry["log_level"] == "error"] == []
