"""One closed set of reasons: it serves log line, Event, condition and metric label, so that they never disagree.

Where the Horizontal Pod Autoscaler has a name for a thing, it is the same name (Kubernetes 1.36,
`pkg/controller/podautoscaler`).
"""

from enum import StrEnum, unique


@unique
class Reason(StrEnum):
    """Why something was decided, done, held or refused."""

    # Conditions of the HPA: AbleToScale
    SUCCEEDED_GET_SCALE = "SucceededGetScale"
    FAILED_GET_SCALE = "FailedGetScale"
    READY_FOR_NEW_SCALE = "ReadyForNewScale"
    SCALE_DOWN_STABILIZED = "ScaleDownStabilized"
    SCALE_UP_STABILIZED = "ScaleUpStabilized"
    SUCCEEDED_RESCALE = "SucceededRescale"
    FAILED_UPDATE_SCALE = "FailedUpdateScale"
    # ScalingActive
    VALID_METRIC_FOUND = "ValidMetricFound"
    SCALING_DISABLED = "ScalingDisabled"
    INVALID_SELECTOR = "InvalidSelector"
    SELECTOR_REQUIRED = "SelectorRequired"  # the Event of an empty selector
    AMBIGUOUS_SELECTOR = "AmbiguousSelector"
    FAILED_GET_RESOURCE_METRIC = "FailedGetResourceMetric"
    FAILED_GET_CONTAINER_RESOURCE_METRIC = "FailedGetContainerResourceMetric"
    FAILED_GET_PODS_METRIC = "FailedGetPodsMetric"
    FAILED_GET_OBJECT_METRIC = "FailedGetObjectMetric"
    FAILED_GET_EXTERNAL_METRIC = "FailedGetExternalMetric"
    FAILED_GET_PROMETHEUS_METRIC = "FailedGetPrometheusMetric"
    FAILED_COMPUTE_METRICS_REPLICAS = "FailedComputeMetricsReplicas"
    STALE_METRICS = "StaleMetrics"
    # ScalingLimited
    DESIRED_WITHIN_RANGE = "DesiredWithinRange"
    TOO_FEW_REPLICAS = "TooFewReplicas"
    TOO_MANY_REPLICAS = "TooManyReplicas"
    SCALE_UP_LIMIT = "ScaleUpLimit"
    SCALE_DOWN_LIMIT = "ScaleDownLimit"
    # ScaledToZero
    SCALED_TO_ZERO = "ScaledToZero"
    NOT_SCALED_TO_ZERO = "NotScaledToZero"
    # Schedulable
    SCHEDULABLE = "Schedulable"
    UNSCHEDULABLE = "Unschedulable"  # as the scheduler calls it
    # Scaling decisions
    ABOVE_TARGET = "AboveTarget"
    BELOW_TARGET = "BelowTarget"
    WITHIN_TOLERANCE = "WithinTolerance"
    FORECAST_AHEAD = "ForecastAhead"
    FORECAST_LEANER = "ForecastLeaner"  # policy Earned
    ROLLOUT_DISCOUNTED = "RolloutDiscounted"  # only pods of a roll-out would ask for more
    # Paused
    PAUSED = "Paused"
    NOT_PAUSED = "NotPaused"
    # Fallback
    FALLBACK = "Fallback"
    NO_FALLBACK = "NoFallback"
    # Burst
    BURST = "Burst"
    NO_BURST = "NoBurst"
    SCHEDULE_IN_FORCE = "ScheduleInForce"
    SCHEDULE_PADDING = "SchedulePadding"
    # CalendarsReadable
    CALENDARS_READ = "CalendarsRead"
    CALENDAR_UNREADABLE = "CalendarUnreadable"
    # ForecastActive
    FORECAST_IN_USE = "ForecastInUse"
    FORECAST_DISABLED = "ForecastDisabled"
    FORECAST_LEARNING = "ForecastLearning"
    FORECAST_DOES_NOT_PAY = "ForecastDoesNotPay"
    FORECAST_EXPIRED = "ForecastExpired"
    FORECAST_FAILED = "ForecastFailed"
    # Objects
    VALID = "Valid"
    INVALID_SPEC = "InvalidSpec"
    TARGET_CONFLICT = "TargetConflict"
    TARGET_CONTESTED = "TargetContested"  # somebody sets the count back again and again
    # Acting or not
    SUCCESSFUL_RESCALE = "SuccessfulRescale"
    FAILED_RESCALE = "FailedRescale"
    MODE_OBSERVE = "ModeObserve"
    MODE_SCALE = "ModeScale"
    MODE_HPA_FLOOR = "ModeHPAFloor"
    MODE_HEAL = "ModeHeal"
    NO_OTHER_SCALER = "NoOtherScaler"  # Observe, and nothing else scales the target
    ACTS_DISABLED = "ActsDisabled"
    NOT_LEADER = "NotLeader"
    CLUSTER_CAP = "ClusterCap"
    # The floor of an HPA
    FLOOR_RAISED = "FloorRaised"
    FLOOR_LOWERED = "FloorLowered"  # to a value above its owner's
    FLOOR_RESTORED = "FloorRestored"
    FLOOR_FAILED = "FloorFailed"
    FLOOR_CONTESTED = "FloorContested"  # its owner sets it back again and again
    OWNED_BY_SCALED_OBJECT = "OwnedByScaledObject"
    # Replicas that come back when an object goes
    RESTORED = "Restored"
    RESTORE_FAILED = "RestoreFailed"
    # Healing
    HEALTHY = "Healthy"
    NOT_READY_TOO_LONG = "NotReadyTooLong"
    RESTARTED_BY_EVICTION = "RestartedByEviction"
    EVICTION_FAILED = "EvictionFailed"
    HEALED = "Healed"
    STILL_FAILING = "StillFailing"
    TOLERATING = "Tolerating"
    REFUSED_INTERVAL = "RefusedInterval"
    REFUSED_HOURLY_BUDGET = "RefusedHourlyBudget"
    REFUSED_MAX_UNAVAILABLE = "RefusedMaxUnavailable"
    REFUSED_DISRUPTION_BUDGET = "RefusedDisruptionBudget"
    REFUSED_BREAKER_OPEN = "RefusedBreakerOpen"
    REFUSED_ROLLOUT = "RefusedRollout"
    REFUSED_NODE_NOT_READY = "RefusedNodeNotReady"
    REFUSED_PROTECTED = "RefusedProtected"
    REFUSED_STALE = "RefusedStale"
    REFUSED_CONFLICT = "RefusedConflict"
    PENDING_OUTCOME = "PendingOutcome"
