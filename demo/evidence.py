"""Shows one act in the four places where every act must be: Event, log line, metric, webhook."""

import json
import re
from typing import Any

from demo.constants import NAMESPACE, SYSTEM_NAMESPACE
from demo.prometheus import Prometheus
from demo.stack import Stack
from demo.story import Story

CONTROLLER = "foresail.dev/autoscaler"
ACTS = (("scale", "SuccessfulRescale", "foresail.scaled"), ("evict", "RestartedByEviction", "foresail.evicted"))


def lines(stack: Stack, story: Story) -> list[str]:
    """Return, for each kind of act, what each of the four places says of it; a missing one is said to be missing."""
    counts = _metric(stack)
    events = _events(stack)
    logs = stack.cluster.kubectl("logs", "-n", SYSTEM_NAMESPACE, "-l", "app.kubernetes.io/component=service", "--tail=-1")
    result = ["Every act is in four places; the last of each kind:"]
    for act, reason, kind in ACTS:
        event = next((item for item in reversed(events) if item.get("reason") == reason), None)
        arrived = [message for message in story.messages if message.type == kind]
        signed = sum(message.signed for message in arrived)
        result += [
            f"{act}:",
            f'  metric   foresail_acts_total{{act="{act}",result="done"}} = {counts.get(act, 0):.0f}',
            f"  Event    {reason}: {event.get('note') or event.get('message')}" if event else "  Event    MISSING",
            f"  log      {_log_line(logs, reason) or 'MISSING'}",
            f"  webhook  {kind}: {len(arrived)} arrived, {signed} of them with a valid signature",
        ]
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
