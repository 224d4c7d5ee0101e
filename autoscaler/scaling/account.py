"""Says in a few figures what a decision was made from; see `inputs`."""

import math
from collections.abc import Iterable, Sequence
from typing import TypeVar

from autoscaler.model import Forecast, PodPhase, PodView
from autoscaler.scaling.amounts import against_target
from autoscaler.scaling.inputs import ForecastInput, Inputs, MetricInput, PodTally
from autoscaler.scaling.pods import is_ignored
from autoscaler.scaling.types import MetricReading, MetricStatus, Observation

_T = TypeVar("_T")


def inputs_of(observation: Observation, statuses: Sequence[MetricStatus], now_s: float) -> Inputs:
    """Return what a decision is made from; `statuses` is empty where the metrics were not looked at."""
    names = frozenset(pod.name for pod in observation.pods)
    metrics = tuple(
        _metric(reading, _at(statuses, index), names, _at(observation.forecasts, index), now_s)
        for index, reading in enumerate(observation.readings)
    )
    return Inputs(_tally(observation.pods), metrics)


def _metric(
    reading: MetricReading, status: MetricStatus | None, names: frozenset[str], forecast: Forecast | None, now_s: float
) -> MetricInput:
    with_value = None if reading.pods_milli is None else len(names & reading.pods_milli.keys())
    return MetricInput(
        source=reading.source,
        age_s=_age_s(reading.sampled_at_s, now_s),
        stands=against_target(status) if status is not None and status.error is None else "",
        with_value=with_value,
        without_value=None if with_value is None else len(names) - with_value,
        pods=None if status is None else status.pods,
        forecast=None if forecast is None else _forecast(forecast, now_s),
    )


def _forecast(forecast: Forecast, now_s: float) -> ForecastInput:
    return ForecastInput(forecast.gate, max(0.0, now_s - forecast.issued_s), forecast.lead_s)


def _age_s(at_s: float | None, now_s: float) -> float | None:
    """Return an age; below zero where the clocks differ, None where nobody knows."""
    age_s = math.nan if at_s is None else now_s - at_s
    return age_s if math.isfinite(age_s) else None


def _tally(pods: Iterable[PodView]) -> PodTally:
    ready = unready = pending = ignored = 0
    for pod in pods:
        if is_ignored(pod) or pod.phase is PodPhase.SUCCEEDED:
            ignored += 1
        elif pod.phase is PodPhase.PENDING:
            pending += 1
        elif pod.ready:
            ready += 1
        else:
            unready += 1
    return PodTally(ready, unready, pending, ignored)


def _at(values: Sequence[_T], index: int) -> _T | None:
    return values[index] if index < len(values) else None
