"""Kubernetes' times: RFC 3339 in UTC, to the second (`Time`) or to the microsecond (`MicroTime`)."""

from datetime import UTC, datetime


def micro_time(at_s: float) -> str:
    """Return seconds since the epoch as MicroTime, such as `2026-01-02T03:04:05.000006Z`."""
    return datetime.fromtimestamp(at_s, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seconds(text: str | None) -> float | None:
    """Return a Time or MicroTime as seconds since the epoch; None when it is absent or not a time."""
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
