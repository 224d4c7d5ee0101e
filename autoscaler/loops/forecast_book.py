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

LEAST_POINTS = 20  # of a season: with fewer what rises within it cannot be told from what a sample happens to be
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
    text = "only Resource and Prometheus metrics have a history that can be forecast; one beside it is"
    return unfit(served, now_s, expiry_s, text)


def too_short(served: Served, step_s: float) -> str:
    """Return what is wrong with the seasons of an object where points lie so many seconds apart, or nothing.

    Everything that is told in days goes by a season: with one of a few points a forecast would be trusted within minutes.
    """
    seasons, least_s = served.autoscaler.spec.forecast.seasons, LEAST_POINTS * step_s
    short = [] if isinstance(seasons, str) else [one_s for one_s in seasons if one_s < least_s]
    if not short:
        return ""
    return (
        f"spec.forecast.seasons names a season of {min(short):g} s, and the shortest that can be told is {least_s:g} s: "
        f"{LEAST_POINTS} points of forecast.step_s ({step_s:g} s). Name longer ones or auto, or lower that setting"
    )


def unfit(served: Served, now_s: float, expiry_s: float, why: str) -> Forecast:
    """Return the forecast of a metric that cannot be forecast as things are: shut, and saying why."""
    return Forecast(
        issued_s=now_s,
        expires_s=now_s + expiry_s,
        lead_s=0.0,
        risk=served.autoscaler.spec.forecast.risk,
        peak=math.nan,
        model="none",
        gate=GateState.SHUT,
        reason=Reason.FORECAST_FAILED,
        message=why,
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
