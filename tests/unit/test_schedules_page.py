"""The examples of the page of schedules are valid, and what it shows of the chart is read by the service."""

import re
from pathlib import Path
from typing import Any

import yaml

from autoscaler.api.parse import predictive_autoscaler
from autoscaler.clients.calendars import text

PAGE = (Path(__file__).parents[2] / "docs" / "schedules.md").read_text(encoding="utf-8")


def blocks() -> list[dict[str, Any]]:
    return list(map(yaml.safe_load, re.findall(r"^```yaml\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)))


def test_the_object_of_the_page_is_valid() -> None:
    schedules = predictive_autoscaler(blocks()[0]).spec.schedules
    assert [one.name for one in schedules] == ["office-hours", "night", "black-friday", "weekend-off"]


def test_the_calendar_of_the_page_is_read() -> None:
    assert sorted(day.isoformat() for day in text.read(blocks()[1]["calendars"]["company"])) == ["2026-12-24", "2026-12-31"]
