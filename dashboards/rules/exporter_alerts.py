"""Alerts about the exporters: a node without one, containers without a name, readings that fail."""

from collections.abc import Sequence

from dashboards import names
from dashboards.rules.alert import Alert, Severity

_UP = names.exporter("up")
_REFUSED = names.exporter(names.EXPORTER_ERRORS, 'kind="failed"')


def alerts() -> Sequence[Alert]:
    """Return the alerts."""
    return (
        Alert(
            name="ForesailExporterAbsent",
            expr=f"absent({_UP})",
            for_="5m",
            severity=Severity.CRITICAL,
            summary="Prometheus knows no exporter",
            description="No target has the job {{ $labels.job }}. No load is read, so no workload is scaled.",
        ),
        Alert(
            name="ForesailExporterDown",
            expr=f"{_UP} == 0",
            for_="5m",
            severity=Severity.WARNING,
            summary="The exporter at {{ $labels.instance }} does not answer",
            description="Pods of its node count as pods without metrics, which holds their workloads back from scaling down.",
        ),
        Alert(
            name="ForesailExporterUnnamed",
            expr=f"{names.exporter(names.EXPORTER_UNNAMED)} > 0",
            for_="10m",
            severity=Severity.WARNING,
            summary="{{ $value }} containers at {{ $labels.instance }} have no name",
            description="The exporter sees their cgroups, but neither the API nor the log folder says whose they are.",
        ),
        Alert(
            name="ForesailExporterErrors",
            expr=f"sum by (instance, collector) (rate({_REFUSED}[5m])) > 0",
            for_="15m",
            severity=Severity.WARNING,
            summary="Collector {{ $labels.collector }} at {{ $labels.instance }} cannot read all it should",
            description="The kernel refuses files that it offers to others; {{ $value | humanize }} readings a second fail.",
        ),
        Alert(
            name="ForesailExporterSlow",
            expr=f"{names.exporter(names.EXPORTER_SCRAPE_S)} > 2",
            for_="10m",
            severity=Severity.WARNING,
            summary="A scrape at {{ $labels.instance }} takes {{ $value | humanizeDuration }}",
            description="Near the scrape timeout samples get lost, and what is old is not used for scaling.",
        ),
        Alert(
            name="ForesailExporterPartial",
            expr=f"{names.exporter(names.EXPORTER_PARTIAL)} > 0 or {names.exporter(names.EXPORTER_CAPPED)} > 0",
            for_="10m",
            severity=Severity.WARNING,
            summary="The exporter at {{ $labels.instance }} leaves out a part of its node",
            description="It ran out of the time of a scrape, or there are more cgroups than it looks through. "
            "Pods that it leaves out count as pods without metrics.",
        ),
        Alert(
            name="ForesailExporterWatchStale",
            expr=f"{names.exporter(names.EXPORTER_WATCH_AGE_S)} > 180",
            for_="5m",
            severity=Severity.WARNING,
            summary="The exporter at {{ $labels.instance }} has lost the Kubernetes API",
            description="It last heard of it {{ $value | humanizeDuration }} ago. New pods get no workload until it is back.",
        ),
        Alert(
            name="ForesailExporterWebConfigRefused",
            expr=f"{names.exporter(names.EXPORTER_WEB_CONFIG)} == 0",
            for_="5m",
            severity=Severity.WARNING,
            summary="The exporter at {{ $labels.instance }} cannot use its web configuration as it now is",
            description="The one before stays in force: new passwords do not count, and a certificate is not replaced "
            "before it ends.",
        ),
    )
