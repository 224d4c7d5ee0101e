"""Alerts about the service and what it does: that it runs and sees, that scaling can help, that healing does."""

from collections.abc import Sequence

from autoscaler import telemetry as own
from autoscaler.healing.types import ActState
from autoscaler.scaling.types import Source
from dashboards import names
from dashboards.rules.alert import Alert, Severity

_OBJECT = "{{ $labels.namespace }}/{{ $labels.name }}"
_UNANSWERED = 'result=~"error|timeout"'
_INVALID = 'valid="false"'
_FAILED = 'result="failed"'
_UNDELIVERED = 'result!="delivered"'
_UNHEALED = f'act="outcome",result="{ActState.UNHEALED.lower()}"'


def alerts() -> Sequence[Alert]:
    """Return the alerts."""
    return (*_running(), *_scaling(), *_targets(), *_healing(), *_telling())


def _running() -> Sequence[Alert]:
    last_success = f"max by (loop) ({names.service(own.LOOP_LAST_SUCCESS)})"
    # A pass of forecasts over a large fleet and a lesson take minutes; the others take seconds.
    slow, quick = (names.service(own.LOOP_LAST_SUCCESS, f'loop{sign}"forecast|learn"') for sign in ("=~", "!~"))
    failing = f"sum by (loop) (rate({names.service(own.LOOP_ERRORS)}[5m])) > 0"
    return (
        Alert(
            name="ForesailDown",
            expr=f"absent({names.service_target()} == 1)",
            for_="5m",
            severity=Severity.CRITICAL,
            summary="Foresail does not run",
            description="No replica of the service answers Prometheus. Workloads keep the replicas that they have.",
        ),
        Alert(
            name="ForesailNoLeader",
            expr=f"sum({names.service(own.LEADER)}) == 0",
            for_="2m",
            severity=Severity.CRITICAL,
            summary="No replica of Foresail holds the Lease",
            description="The service runs, but none of its replicas may act.",
        ),
        Alert(
            name="ForesailNotReady",
            expr=f"{names.service(own.LEADER)} unless on (job, instance) {names.service(own.LOOP_LAST_SUCCESS)}",
            for_="10m",
            severity=Severity.WARNING,
            summary="Foresail at {{ $labels.instance }} has not ended a single pass since its start",
            description="It waits for its caches to fill, or every pass fails; /readyz and its log say what is missing.",
        ),
        Alert(
            name="ForesailLoopStuck",
            expr=f"time() - max by (loop) ({quick}) > 300 or time() - max by (loop) ({slow}) > 1800 "
            f"or ({failing} unless on (loop) {last_success})",
            for_="2m",
            severity=Severity.CRITICAL,
            summary="The {{ $labels.loop }} loop of Foresail has not come to an end for minutes",
            description="Each of its passes fails or hangs; the log line pass_failed says why.",
        ),
        Alert(
            name="ForesailWatchStale",
            expr=f"{names.leader(own.WATCH_AGE)} > 180",
            for_="2m",
            severity=Severity.WARNING,
            summary="Foresail has not heard of {{ $labels.resource }} for {{ $value | humanizeDuration }}",
            description="Its watch at the API server is silent. What is that old restarts nothing.",
        ),
        Alert(
            name="ForesailPrometheusFailing",
            expr=f"sum(rate({names.service(own.PROMETHEUS_QUERIES, _UNANSWERED)}[5m])) / "
            f"sum(rate({names.service(own.PROMETHEUS_QUERIES)}[5m])) > 0.5",
            for_="5m",
            severity=Severity.WARNING,
            summary="{{ $value | humanizePercentage }} of Foresail's queries fail",
            description="The Prometheus that it asks does not answer, or refuses. Replicas are held meanwhile.",
        ),
        Alert(
            name="ForesailObjectInvalid",
            expr=f"{names.leader(own.OBJECTS, _INVALID)} > 0",
            for_="10m",
            severity=Severity.WARNING,
            summary="{{ $value }} {{ $labels.kind }} cannot be used as written",
            description="Their condition Valid names every wrong field. Nothing is done for them meanwhile.",
        ),
    )


def _scaling() -> Sequence[Alert]:
    current, load = names.leader(own.CURRENT_REPLICAS), names.leader(own.METRIC_LOAD)
    ceiling = names.leader(own.CANDIDATE_REPLICAS, f'source="{Source.CEILING}"')
    tried, gate = names.leader(own.FORECAST_LOST), names.leader(own.FORECAST_OPEN)
    return (
        Alert(
            name="ForesailMetricsStale",
            expr=f"{current} unless on (namespace, name) {load}",
            for_="10m",
            severity=Severity.WARNING,
            summary=f"The load of PredictiveAutoscaler {_OBJECT} cannot be read",
            description="It is missing, too old or not a number, so the target keeps its {{ $value }} replicas.",
        ),
        Alert(
            name="ForesailScaledToMax",
            expr=f"{names.leader(own.DESIRED_REPLICAS)} >= on (namespace, name) {ceiling}",
            for_="15m",
            severity=Severity.WARNING,
            summary=f"PredictiveAutoscaler {_OBJECT} has been at its maxReplicas of {{{{ $value }}}} for 15 minutes",
            description="More load than now finds no more pods.",
        ),
        Alert(
            name="ForesailForecastShut",
            expr=f"{gate} == 0 and on (namespace, name, metric) {tried}",
            for_="6h",
            severity=Severity.INFO,
            summary=f"The forecast of {{{{ $labels.metric }}}} for PredictiveAutoscaler {_OBJECT} may not act",
            description="Measured on this very load it would not pay; the workload is scaled as the HPA would.",
        ),
        Alert(
            name="ForesailActsFailing",
            expr=f"sum by (namespace, name, act) ({names.grew(names.service(own.ACTS, _FAILED), '15m')})",
            for_="5m",
            severity=Severity.WARNING,
            summary=f"Foresail cannot {{{{ $labels.act }}}} for {_OBJECT}",
            description="The API server refuses or does not answer; the object's Events and conditions say what it said.",
        ),
    )


def _targets() -> Sequence[Alert]:
    return (
        Alert(
            name="ForesailTargetContested",
            expr=f"{names.leader(own.CONTESTED)} == 1",
            for_="0m",
            severity=Severity.WARNING,
            summary=f"Somebody keeps setting back what PredictiveAutoscaler {_OBJECT} writes",
            description="Its target (in mode HPAFloor the HPA) is left alone meanwhile. The condition Acting names who it is.",
        ),
        Alert(
            name="ForesailPodsUnschedulable",
            expr=f"{names.leader(own.UNSCHEDULABLE_PODS)} > 0",
            for_="10m",
            severity=Severity.WARNING,
            summary=f"{{{{ $value }}}} pods of PredictiveAutoscaler {_OBJECT} find no node",
            description="The cluster has no room for them, so no more are asked for. The condition Schedulable has the cause.",
        ),
    )


def _healing() -> Sequence[Alert]:
    return (
        Alert(
            name="ForesailHealingBreakerOpen",
            expr=f"{names.leader(own.BREAKER_OPEN)} == 1",
            for_="1m",
            severity=Severity.WARNING,
            summary=f"So much fails under HealingPolicy {_OBJECT} that nothing is restarted",
            description="Restarting pods cannot be the answer; look for the common cause.",
        ),
        Alert(
            name="ForesailHealingDidNotHelp",
            expr=f"sum by (namespace, name) ({names.grew(names.service(own.ACTS, _UNHEALED), '1h')})",
            for_="0m",
            severity=Severity.WARNING,
            summary=f"An eviction under HealingPolicy {_OBJECT} did not help",
            description="The workload was not whole again in time. The next act on it waits twice as long.",
        ),
        Alert(
            name="ForesailPodsStayUnhealthy",
            expr=f"{names.leader(own.UNHEALTHY_PODS)} > 0",
            for_="30m",
            severity=Severity.WARNING,
            summary=f"{{{{ $value }}}} pods stay unhealthy under HealingPolicy {_OBJECT}",
            description="The policy only observes, or a brake holds, or evictions do not help; its status says which.",
        ),
    )


def _telling() -> Sequence[Alert]:
    return (
        Alert(
            name="ForesailNotifierFailing",
            expr=f"min_over_time({names.service(own.NOTIFICATIONS_QUEUED)}[10m]) > 0",
            for_="5m",
            severity=Severity.WARNING,
            summary="Receiver {{ $labels.receiver }} does not take Foresail's messages",
            description="At least {{ $value }} wait; the oldest are dropped when the queue is full or they are too old.",
        ),
        Alert(
            name="ForesailNotificationLost",
            expr=f"sum by (receiver) ({names.grew(names.service(own.NOTIFICATIONS, _UNDELIVERED), '15m')})",
            for_="0m",
            severity=Severity.WARNING,
            summary="Receiver {{ $labels.receiver }} did not get all of Foresail's messages",
            description="It refused them, or they were given up; the log line notification_lost says which and why.",
        ),
    )
