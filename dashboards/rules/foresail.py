"""The rule file that everybody loads: what is recorded, and what people are told."""

from dashboards.rules import exporter_alerts, recording, service_alerts
from dashboards.rules.alert import Json


def rule_file() -> Json:
    """Return the file as Prometheus reads it."""
    return {
        "groups": [
            {"name": "foresail-workloads", "rules": recording.rules()},
            {"name": "foresail-service", "rules": [alert.rule() for alert in service_alerts.alerts()]},
            {"name": "foresail-exporter", "rules": [alert.rule() for alert in exporter_alerts.alerts()]},
        ]
    }
