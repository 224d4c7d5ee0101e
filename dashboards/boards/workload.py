"""Foresail / Workload: one scaled workload from load to replicas, what was done to it, and whether the service is well."""

from collections.abc import Sequence

from grafanalib.core import Dashboard, Template, Templating, Time
from prometheus_client import Counter, Histogram

from autoscaler import telemetry as own
from autoscaler.scaling.types import Source
from dashboards import names
from dashboards.panels import DATASOURCE, Look, Panel, Query, by_name, graph, placed, row, table, unstacked, value, words
from exporters.collectors import cpu, memory, network

UID = "foresail-workload"
_NAMESPACE = 'namespace="$namespace"'
_OBJECT = f'{_NAMESPACE},name="$object"'
_WORKLOAD = f'{_NAMESPACE},workload="$workload"'
_SMALL = Look(width=4, height=4)
_SOURCE_NAMES = {
    Source.REACTIVE: "asked for by the load now",
    Source.STABILIZED: "what the HPA would do",
    Source.PREDICTED: "asked for by the forecast",
    Source.FLOOR: "minReplicas",
    Source.CEILING: "maxReplicas",
}


def board() -> Dashboard:
    """Return the board."""
    panels = [*_decision(), *_acts(), *_workload(), *_service()]
    return Dashboard(
        title="Foresail / Workload",
        uid=UID,
        description="Load, forecast and replicas of a workload, what was done to it, and the health of the service.",
        tags=["foresail"],
        editable=False,
        graphTooltip=1,  # one crosshair over all panels
        refresh="30s",
        timezone="browser",
        time=Time("now-6h", "now"),
        templating=Templating(list(_variables())),
        panels=placed(panels),
    )


def _variables() -> Sequence[Template]:
    objects, pods = names.service(own.CURRENT_REPLICAS), names.exporter(names.POD_INFO, _NAMESPACE)
    return (
        Template("datasource", "prometheus", label="Data source", type="datasource"),
        _query_variable("namespace", "Namespace", f"label_values({objects}, namespace)"),
        _query_variable(
            "object", "PredictiveAutoscaler", f"label_values({names.service(own.CURRENT_REPLICAS, _NAMESPACE)}, name)"
        ),
        _query_variable("workload", "Workload", f"label_values({pods}, workload)"),
    )


def _query_variable(name: str, label: str, query: str) -> Template:
    on_time_range_change = 2
    return Template(name, query, label=label, dataSource=DATASOURCE, refresh=on_time_range_change)


def _decision() -> Sequence[Panel]:
    load, peak = names.leader(own.METRIC_LOAD, _OBJECT), names.leader(own.FORECAST_PEAK, _OBJECT)
    return (
        *_now(),
        graph(
            "Load and its expected peak",
            "What the pods carry now, and the risk quantile of the highest load within the lead time, in each metric's own "
            "unit (cores, bytes, or what the query counts). The peak should run ahead of the load.",
            [Query(f"max by (metric) ({load})", "{{metric}}"), Query(f"max by (metric) ({peak})", "{{metric}}, expected peak")],
            Look(height=9),
        ),
        graph(
            "Replicas",
            "What the target has, what the last decision asks for, and every value that it weighed.",
            [
                Query(f"max({names.leader(own.CURRENT_REPLICAS, _OBJECT)})", "current"),
                Query(f"max({names.leader(own.DESIRED_REPLICAS, _OBJECT)})", "desired"),
                *(_candidate(source, name) for source, name in _SOURCE_NAMES.items()),
            ],
            Look(height=9, decimals=0, overrides=(by_name("current", {"custom.lineWidth": 3}),)),
        ),
        *_why(),
        graph(
            "Worth of the forecast",
            "Lost load and pods with the forecast over those with the HPA's formula alone, measured by pretended replicas on "
            "load of this very workload that it had not seen.",
            [
                Query(f"max by (metric) ({names.leader(own.FORECAST_LOST, _OBJECT)})", "{{metric}}: lost"),
                Query(f"max by (metric) ({names.leader(own.FORECAST_PODS, _OBJECT)})", "{{metric}}: pods"),
            ],
            Look(decimals=2, width=8),
        ),
        graph(
            "Gate of the forecast",
            "1 while the forecast may act; 0 while it learns, or is too inaccurate, or has expired.",
            [Query(f"min by (metric) ({names.leader(own.FORECAST_OPEN, _OBJECT)})", "{{metric}}")],
            Look(decimals=0, width=8),
        ),
        graph(
            "Decisions",
            "How many decisions of each kind were taken within each step, by reason.",
            [Query(_increase(own.DECISIONS, "action, reason", _OBJECT), "{{action}}: {{reason}}")],
            Look(bars=True, stack=True, width=8),
        ),
    )


def _why() -> Sequence[Panel]:
    asked = names.leader(own.CANDIDATE_REPLICAS, f'{_OBJECT},source=~"metric:.+"')
    limits = names.leader(own.DECISION_LIMITS, _OBJECT)
    return (
        graph(
            "Why: asked for by each metric",
            "Replicas that each metric of the object asks for by itself; the most of them count, then the limits beside this.",
            [Query(f"max by (source) ({asked})", "{{source}}")],
            Look(height=7, decimals=0),
        ),
        graph(
            "Why: limits in force",
            "The fields and settings that held the last decision back; `foresail explain` says from which count to which.",
            [Query(f"max by (limit) ({limits})", "{{limit}}")],
            Look(height=7, decimals=0, bars=True, stack=True),
        ),
    )


def _candidate(source: Source, name: str) -> Query:
    selected = names.leader(own.CANDIDATE_REPLICAS, f'{_OBJECT},source="{source}"')
    return Query(f"max({selected})", name)


def _now() -> Sequence[Panel]:
    gate = words((0, "Shut", "orange"), (1, "Open", "green"))
    return (
        value(
            "Current",
            "Replicas of the target.",
            Query(f"max({names.leader(own.CURRENT_REPLICAS, _OBJECT)})", "current"),
            _SMALL,
        ),
        value(
            "Desired", "Of the last decision.", Query(f"max({names.leader(own.DESIRED_REPLICAS, _OBJECT)})", "desired"), _SMALL
        ),
        value(
            "Forecast",
            "Open while at least one metric's forecast may act.",
            Query(f"max({names.leader(own.FORECAST_OPEN, _OBJECT)})", "gate"),
            Look(width=4, height=4, mappings=gate),
        ),
        value(
            "Lost load",
            "With the worst forecast, over that with the HPA's formula alone, on load that it had not seen.",
            Query(f"max({names.leader(own.FORECAST_LOST, _OBJECT)})", "lost"),
            Look(decimals=2, width=4, height=4),
        ),
        value(
            "Lead time",
            "How far ahead is looked: the time that a new pod needs to become Ready.",
            Query(f"max({names.leader(own.LEAD_TIME, _OBJECT)})", "lead time"),
            Look(unit="s", decimals=0, width=4, height=4),
        ),
        value(
            "Age of the forecast",
            "An old forecast is not used.",
            Query(f"max({names.leader(own.FORECAST_AGE, _OBJECT)})", "age"),
            Look(unit="s", decimals=0, width=4, height=4),
        ),
    )


def _acts() -> Sequence[Panel]:
    return (
        row("What was done in the namespace"),
        graph(
            "Pods without a node, contested targets",
            "Pods for which the scheduler finds no node, by object; 1 where what was written is set back again and again.",
            [
                Query(f"max by (name) ({names.leader(own.UNSCHEDULABLE_PODS, _NAMESPACE)})", "{{name}}: pods without a node"),
                Query(f"max by (name) ({names.leader(own.CONTESTED, _NAMESPACE)})", "{{name}}: contested"),
            ],
            Look(width=6, decimals=0),
        ),
        graph(
            "Acts",
            "Changes in the cluster within each step, by object and result.",
            [Query(_increase(own.ACTS, "name, act, result", _NAMESPACE), "{{name}}: {{act}} {{result}}")],
            Look(bars=True, stack=True, width=6, decimals=0),
        ),
        graph(
            "Refusals",
            "Acts that a brake refused within each step: budget, breaker, disruption budget, rollout and others.",
            [Query(_increase(own.REFUSALS, "name, act, reason", _NAMESPACE), "{{name}}: {{act}} {{reason}}")],
            Look(bars=True, stack=True, width=6, decimals=0),
        ),
        graph(
            "Unhealthy pods",
            "Pods with a fault that a HealingPolicy looks for; its breaker is open (1) while too much fails for restarts.",
            [
                Query(f"max by (name) ({names.leader(own.UNHEALTHY_PODS, _NAMESPACE)})", "{{name}}"),
                Query(f"max by (name) ({names.leader(own.BREAKER_OPEN, _NAMESPACE)})", "{{name}}: breaker open"),
            ],
            Look(width=6, decimals=0),
        ),
        table(
            "PredictiveAutoscalers",
            "All of the namespace, as they stand now.",
            [
                Query(f"max by (name) ({names.leader(own.CURRENT_REPLICAS, _NAMESPACE)})", "Current"),
                Query(f"max by (name) ({names.leader(own.DESIRED_REPLICAS, _NAMESPACE)})", "Desired"),
                Query(f"max by (name) ({names.leader(own.FORECAST_OPEN, _NAMESPACE)})", "Forecast"),
                Query(f"max by (name) ({names.leader(own.FORECAST_LOST, _NAMESPACE)})", "Lost load"),
                Query(f"max by (name) ({names.leader(own.LEAD_TIME, _NAMESPACE)})", "Lead time"),
            ],
            Look(
                width=24,
                height=6,
                overrides=(
                    by_name("Forecast", {"mappings": list(words((0, "Shut", "orange"), (1, "Open", "green")))}),
                    by_name("Lost load", {"decimals": 2}),
                    by_name("Lead time", {"unit": "s"}),
                ),
            ),
        ),
    )


def _workload() -> Sequence[Panel]:
    used_cores = _rate(cpu.USAGE.name, f'{_NAMESPACE},container!=""')
    working_set = names.exporter(memory.WORKING_SET.name, f'{_NAMESPACE},container!=""')
    received, sent = _rate(network.RECEIVE_BYTES.name, _NAMESPACE), _rate(network.TRANSMIT_BYTES.name, _NAMESPACE)
    return (
        row("Pods of the workload, as the exporter sees them"),
        graph(
            "CPU",
            "Cores used by each pod, and what all of them request.",
            [Query(_per_pod(used_cores), "{{pod}}"), Query(_requested("cpu"), "requests")],
            Look(stack=True, width=8, overrides=(unstacked("requests"),)),
        ),
        graph(
            "Memory",
            "Working set of each pod, and what all of them request.",
            [Query(_per_pod(working_set), "{{pod}}"), Query(_requested("memory"), "requests")],
            Look(unit="bytes", stack=True, width=8, overrides=(unstacked("requests"),)),
        ),
        graph(
            "Network",
            "Bytes a second that all pods receive and send.",
            [Query(f"sum({_per_pod(received)})", "received"), Query(f"sum({_per_pod(sent)})", "sent")],
            Look(unit="Bps", width=8),
        ),
    )


def _service() -> Sequence[Panel]:
    last_success = names.service(own.LOOP_LAST_SUCCESS)
    return (
        row("Health of the service"),
        graph(
            "Time since the last good pass",
            "Of each loop, by the replica that did best.",
            [Query(f"time() - max by (loop) ({last_success})", "{{loop}}")],
            Look(unit="s", width=8),
        ),
        graph(
            "Time of a pass",
            "99th percentile of each loop.",
            [Query(_quantile(own.LOOP_DURATION, "loop", 0.99), "{{loop}}")],
            Look(unit="s", width=8),
        ),
        graph(
            "Age of the watches",
            "Time since the API server was last heard of; what is old restarts nothing.",
            [Query(f"max by (resource) ({names.service(own.WATCH_AGE)})", "{{resource}}")],
            Look(unit="s", width=8),
        ),
        graph(
            "Time of a Prometheus query",
            "95th percentile of each query.",
            [Query(_quantile(own.PROMETHEUS_DURATION, "query", 0.95), "{{query}}")],
            Look(unit="s", width=8),
        ),
        graph(
            "Requests and queries",
            "Requests to the API server by answer, and queries to Prometheus by result, a second.",
            [
                Query(f"sum by (code) ({_service_rate(own.KUBE_REQUESTS)})", "API server {{code}}"),
                Query(f"sum by (result) ({_service_rate(own.PROMETHEUS_QUERIES)})", "Prometheus {{result}}"),
            ],
            Look(unit="reqps", width=8),
        ),
        graph(
            "Notifications",
            "Messages to each receiver within each step, and how many wait.",
            [
                Query(_increase(own.NOTIFICATIONS, "receiver, result"), "{{receiver}} {{result}}"),
                Query(f"max by (receiver) ({names.service(own.NOTIFICATIONS_QUEUED)})", "{{receiver}} waiting"),
            ],
            Look(decimals=0, width=8),
        ),
    )


def _increase(metric: Counter, by: str, labels: str = "") -> str:
    return f"sum by ({by}) (increase({names.service(metric, labels)}[$__rate_interval])) > 0"


def _service_rate(metric: Counter) -> str:
    return f"rate({names.service(metric)}[$__rate_interval])"


def _quantile(metric: Histogram, by: str, share: float) -> str:
    return f"histogram_quantile({share}, sum by (le, {by}) (rate({names.service(metric)}[$__rate_interval])))"


def _rate(name: str, labels: str) -> str:
    return f"rate({names.exporter(name, labels)}[$__rate_interval])"


def _per_pod(expression: str) -> str:
    return f"sum by (pod) ({names.with_workload(expression, _WORKLOAD)})"


def _requested(resource: str) -> str:
    requests = names.exporter(names.REQUESTS, f'{_NAMESPACE},resource="{resource}"')
    return f"sum({names.with_workload(requests, _WORKLOAD)})"
