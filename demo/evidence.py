"""Shows one act in the four places where every act must be: Event, log line, metric, webhook."""

import json
import re
from typing import Any

from rich.table import Table

from demo.constants import NAMESPACE, SYSTEM_NAMESPACE
from demo.prometheus import Prometheus
from demo.stack import Stack
from demo.story import Story

CONTROLLER = "foresail.dev/autoscaler"


def table(stack: Stack, story: Story) -> Table:
    """Return a table with a row for each kind of act and a column for each place; a missing one is said to be missing."""
    counts = _metric(stack)
    events = _events(stack)
    logs = stack.cluster.kubectl("logs", "-n", SYSTEM_NAMESPACE, "-l", "app.kubernetes.io/component=service", "--tail=-1")
    result = Table(title="Every act is an Event, a log line, a metric and a webhook", show_lines=True)
    for title in ("act", "metric foresail_acts_total", "Event (the last)", "log line (the last)", "webhooks (signed)"):
        result.add_column(title, overflow="fold")
    for act, reason, kind in (
        ("scale", "SuccessfulRescale", "foresail.scaled"),
        ("evict", "RestartedByEviction", "foresail.evicted"),
    ):
        event = next((item for item in reversed(events) if item.get("reason") == reason), None)
        arrived = [message for message in story.messages if message.type == kind]
        signed = sum(message.signed for message in arrived)
        result.add_row(
            act,
            f"{counts.get(act, 0):.0f}",
            str(event.get("note") or event.get("message")) if event else "MISSING",
            _log_line(logs, reason) or "MISSING",
            f"{len(arrived)} ({signed})",
        )
    return result


def _metric(stack: Stack) -> dict[str, float]:
    query = f'sum by (act) (foresail_acts_total{{namespace="{NAMESPACE}",result="done"}})'
    return {item["metric"]["act"]: float(item["value"][1]) for item in Prometheus(stack.prometheus_url).query(query)}


def _events(stack: Stack) -> list[dict[str, Any]]:
    text = stack.cluster.kubectl("get", "events.events.k8s.io", "-n", NAMESPACE, "-o", "json")
    ours = [item for item in json.loads(text)["items"] if item.get("reportingController") == CONTROLLER]
    return sorted(ours, key=lambda item: str(item.get("eventTime") or item["metadata"]["creationTimestamp"]))


def _log_line(logs: str, reason: str) -> str | None:
    pattern = re.compile(rf'"reason": ?"{reason}"')
    return next((line for line in reversed(logs.splitlines()) if pattern.search(line)), None)
