"""The service's own metrics: every name once, so that code, dashboards, rules and docs cannot drift apart.

Values are set by the loops and clients; the registry is served by `web/`. Labels are bounded by the number of objects of
ours, never by pods.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call] # a second series beside each counter, that nobody here asks for

REGISTRY = CollectorRegistry()

_OBJECT = ("namespace", "name")  # of the PredictiveAutoscaler or HealingPolicy


def _gauge(name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
    return Gauge(name, text, labels, registry=REGISTRY)


def _counter(name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
    return Counter(name, text, labels, registry=REGISTRY)


def _histogram(name: str, text: str, labels: tuple[str, ...] = ()) -> Histogram:
    buckets = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
    return Histogram(name, text, labels, registry=REGISTRY, buckets=buckets)


BUILD = Info("foresail_build", "Version of the running service.", registry=REGISTRY)
LEADER = _gauge("foresail_leader", "1 while this replica holds the Lease and may act.")

LOOP_DURATION = _histogram("foresail_loop_duration_seconds", "Time of one pass of a loop.", ("loop",))
LOOP_ERRORS = _counter("foresail_loop_errors_total", "Passes of a loop that failed as a whole.", ("loop",))
LOOP_LAST_SUCCESS = _gauge("foresail_loop_last_success_timestamp_seconds", "End of the last pass that did not fail.", ("loop",))
OBJECTS = _gauge("foresail_objects", "Objects of ours, by kind and whether their spec is valid.", ("kind", "valid"))

CURRENT_REPLICAS = _gauge("foresail_current_replicas", "spec.replicas of the target when it was last observed.", _OBJECT)
DESIRED_REPLICAS = _gauge("foresail_desired_replicas", "Replicas that the last decision asks for.", _OBJECT)
CANDIDATE_REPLICAS = _gauge(
    "foresail_decision_candidate_replicas", "Every value that the last decision weighed, by source.", (*_OBJECT, "source")
)
UNSCHEDULABLE_PODS = _gauge("foresail_unschedulable_pods", "Pods of the target for which there is no node.", _OBJECT)
CONTESTED = _gauge(
    "foresail_contested", "1 while nothing is written, as another sets replicas or minReplicas back again and again.", _OBJECT
)
DECISION_LIMITS = _gauge(
    "foresail_decision_limits", "1 for each limit that changed the last decision, by field or setting.", (*_OBJECT, "limit")
)
SCHEDULE_ACTIVE = _gauge("foresail_schedule_active", "1 while a schedule is in force.", (*_OBJECT, "schedule"))
DECISIONS = _counter("foresail_decisions_total", "Scaling decisions.", (*_OBJECT, "action", "reason"))
METRIC_LOAD = _gauge("foresail_metric_load", "Load of the target as last read, in the metric's own unit.", (*_OBJECT, "metric"))
FORECAST_PEAK = _gauge(
    "foresail_forecast_peak", "Risk quantile of the highest load within the lead time, metric's unit.", (*_OBJECT, "metric")
)
FORECAST_LOST = _gauge(
    "foresail_forecast_lost_ratio",
    "Load lost with the forecast, as measured on time it had not seen, over that with the HPA's formula alone.",
    (*_OBJECT, "metric"),
)
FORECAST_PODS = _gauge(
    "foresail_forecast_pods_ratio", "Pods with the forecast over those with the HPA's formula alone.", (*_OBJECT, "metric")
)
FORECAST_COVERAGE = _gauge(
    "foresail_forecast_coverage_ratio",
    "Share of moments at which the highest load ahead kept below the quantile that was stated.",
    (*_OBJECT, "metric"),
)
FORECAST_OPEN = _gauge("foresail_forecast_gate_open", "1 while the forecast may act.", (*_OBJECT, "metric"))
FORECAST_AGE = _gauge("foresail_forecast_age_seconds", "Age of the forecast in use.", (*_OBJECT, "metric"))
LEAD_TIME = _gauge("foresail_lead_time_seconds", "Time ahead that is forecast: what a pod needs to become Ready.", _OBJECT)
LEARNING_JOBS = _counter(
    "foresail_learning_jobs_total",
    "Models learnt outside of the service's own process, by where and result.",
    ("where", "result"),
)

ACTS = _counter("foresail_acts_total", "Acts in the cluster, by kind and result.", (*_OBJECT, "act", "result"))
REFUSALS = _counter("foresail_refusals_total", "Acts that a brake refused.", (*_OBJECT, "act", "reason"))
UNHEALTHY_PODS = _gauge("foresail_healing_unhealthy_pods", "Pods with a fault that the policy looks for.", _OBJECT)
BREAKER_OPEN = _gauge("foresail_healing_breaker_open", "1 while so much fails that nothing is restarted.", _OBJECT)

KUBE_REQUESTS = _counter("foresail_kube_requests_total", "Requests to the API server.", ("verb", "resource", "code"))
WATCH_AGE = _gauge("foresail_watch_age_seconds", "Time since the API server was last heard of.", ("resource",))
WATCH_RELISTS = _counter("foresail_watch_relists_total", "Full lists, the first included.", ("resource",))
PROMETHEUS_QUERIES = _counter("foresail_prometheus_queries_total", "Queries sent to Prometheus.", ("query", "result"))
PROMETHEUS_DURATION = _histogram("foresail_prometheus_query_duration_seconds", "Time of one query.", ("query",))
NOTIFICATIONS = _counter("foresail_notifications_total", "Messages to a receiver, by result.", ("receiver", "result"))
NOTIFICATIONS_QUEUED = _gauge("foresail_notifications_queued", "Messages that wait for a receiver.", ("receiver",))
