"""What an alert is: an expression, how long it must hold, how urgent it is, and three sentences for the person it wakes."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Json = dict[str, Any]

RUNBOOK = "docs/operations.md"


class Severity(StrEnum):
    """How urgent an alert is, by the labels that Prometheus users route by."""

    CRITICAL = "critical"  # nothing acts, or acts do harm: now
    WARNING = "warning"  # something is not looked after: today
    INFO = "info"  # good to know, beside another alert or on a board


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert; `summary` and `description` may use Prometheus' templates, such as `{{ $labels.name }}`."""

    name: str
    expr: str
    for_: str
    severity: Severity
    summary: str
    description: str

    def rule(self) -> Json:
        """Return the alert as Prometheus reads it, with the place of its runbook.

        `runbook_url`, which Alertmanager and Grafana make a link of, needs an address that only the user knows: the chart adds
        it when it is told one.
        """
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": self.for_,
            "labels": {"severity": self.severity.value},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook": f"{RUNBOOK}#{self.name.lower()}",
            },
        }
