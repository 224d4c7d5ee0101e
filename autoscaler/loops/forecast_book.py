"""The newest forecast of every load series, as the forecasting loop leaves it for the scaling loop."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from autoscaler.api.types import MetricSpec
from autoscaler.clients.ports import Target
from autoscaler.loops.history import Question
from autoscaler.loops.labels import metric_names
from autoscaler.loops.leads import LeadBook
from autoscaler.loops.observe import Served
from autoscaler.loops.targets import workload_of
from autoscaler.model import Forecast, GateState, ObjectKey, WorkloadKey
from autoscaler.reasons import Reason

THE_ANSWER = WorkloadKey("", "", "")  # a query has one series, which belongs to no workload by itself


@dataclass(frozen=True, slots=True)
class Series:
    """A load series of an object; another target or query under the same name is another series."""

    key: ObjectKey
    metric: str  # its name in labels
    question: Question | None  # what is asked to get its history; None: nothing can be asked
    owner: WorkloadKey  # whose series of the answer it is


@dataclass(slots=True)
class ForecastBook:
    """Forecasts by series, and what pods take to become Ready."""

    forecasts: Mapping[Series, Forecast] = field(default_factory=dict)
    leads: LeadBook = field(default_factory=LeadBook)

    def of(self, served: Served) -> tuple[Forecast | None, ...]:
        """Return the forecasts of an object in the order of its metrics; None where there is none."""
        if not served.autoscaler.spec.forecast.enabled:
            return ()
        return tuple(self.forecasts.get(series) for series in series_of(served))

    def ready_s(self, target: Target) -> float | None:
        """Return what the pods of a target take from creation to Ready; None before the first was seen."""
        return self.leads.ready_s(workload_of(target))


def series_of(served: Served) -> tuple[Series, ...]:
    """Return the load series of an object, in the order of its metrics."""
    specs = served.autoscaler.spec.metrics
    return tuple(
        Series(served.key, name, _question(spec), THE_ANSWER if spec.prometheus else workload_of(served.target))
        for name, spec in zip(metric_names(specs), specs, strict=True)
    )


def unreadable(served: Served, now_s: float, expiry_s: float) -> Forecast:
    """Return the forecast of a metric whose history cannot be read: shut, and saying why."""
    return Forecast(
        issued_s=now_s,
        expires_s=now_s + expiry_s,
        lead_s=0.0,
        risk=served.autoscaler.spec.forecast.risk,
        peak=math.nan,
        model="none",
        gate=GateState.SHUT,
        reason=Reason.FORECAST_FAILED,
        message="only Resource and Prometheus metrics have a history that can be forecast; one beside it is",
    )


def without_history(series: Series, made: Forecast) -> Forecast:
    """Return the forecast of a series of which nothing was found, saying what its history is found by."""
    if series.question is None or not series.question.resource:
        return made
    text = (
        f"learning: no {series.question.resource} of {series.owner} is in the history yet; if it stays so, no series "
        "foresail_pod_info tells whose its pods are (the exporter makes it, or the rules of foresail-owners.yaml)"
    )
    return replace(made, message=text)


def _question(spec: MetricSpec) -> Question | None:
    if spec.prometheus:
        return Question(promql=spec.prometheus.query)
    return Question(resource=spec.resource.name) if spec.resource else None
