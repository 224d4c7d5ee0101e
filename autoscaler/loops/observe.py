"""What a scaling pass sees: every valid object with its target, pods, load and forecasts, each with its age.

Stores and a handful of queries serve the whole fleet. What is wrong with one object is kept with that object; only a cache
that was never filled or a bug stops a pass. Deciding is left to `scaling`.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from autoscaler.api.parse import predictive_autoscaler
from autoscaler.api.types import MetricSpec, Mode, PredictiveAutoscaler, PredictiveAutoscalerSpec, ResourceMetrics
from autoscaler.clients.ports import Json, MetricQuestion, Store, Target
from autoscaler.errors import FieldError, InvalidObject
from autoscaler.loops import api_load, load
from autoscaler.loops.api_load import Answers
from autoscaler.loops.asking import budget_s
from autoscaler.loops.context import AUTOSCALERS, HPAS, SCALED_OBJECTS, Context
from autoscaler.loops.floor_resolve import effective, hpa_of
from autoscaler.loops.pods import PodIndex
from autoscaler.loops.status import key_of
from autoscaler.loops.targets import MissingTarget, SeenTarget, look_at, target_of
from autoscaler.model import Forecast, ObjectKey, PodView
from autoscaler.reasons import Reason
from autoscaler.scaling.types import MetricReading, Observation

log = structlog.get_logger()

STALE_S = 90.0  # a quiet watch is told that it is alive about every minute (bookmarks)
PARALLEL_REQUESTS = 8  # to the API server at a time

Forecasts = Callable[["Served"], tuple[Forecast | None, ...]]  # in the order of the object's metrics


@dataclass(frozen=True, slots=True)
class Served:
    """A valid object of ours; `obj` is it as the API server has it."""

    key: ObjectKey
    obj: Json
    autoscaler: PredictiveAutoscaler  # in mode HPAFloor with target, bounds, metrics and behavior of the HPA
    hpa: Json | None = None  # in mode HPAFloor: the one it names
    missing: MissingTarget | None = None  # in mode HPAFloor: why there is none, or why it cannot be used

    @property
    def target(self) -> Target:
        """What it scales."""
        return target_of(self.autoscaler)


@dataclass(frozen=True, slots=True)
class Refused:
    """An object of ours that cannot be used as written."""

    key: ObjectKey
    obj: Json
    error: InvalidObject


@dataclass(frozen=True, slots=True)
class Seen:
    """One object with what was seen of it: an observation, or why its target cannot be scaled."""

    served: Served
    observation: Observation | None
    missing: MissingTarget | None = None


@dataclass(frozen=True, slots=True)
class Fleet:
    """All that one pass sees; `outage` is set when no query at all was answered."""

    seen: tuple[Seen, ...]
    refused: tuple[Refused, ...]
    outage: str | None


def parse(objects: Iterable[Json], hpas: Store | None) -> tuple[list[Served], list[Refused]]:
    """Divide our objects into valid and invalid ones, both in the order of their names; none that is being deleted.

    One that an error of ours fails at counts as invalid, so that what it holds (the floor of an HPA, say) is not given up.
    """
    served, refused = [], []
    for obj in sorted((one for one in objects if "deletionTimestamp" not in one["metadata"]), key=key_of):
        try:
            served.append(_resolved(obj, predictive_autoscaler(obj), hpas))
        except InvalidObject as error:
            refused.append(Refused(key_of(obj), obj, error))
        except Exception:  # it must not stop the pass for the others
            key = key_of(obj)
            log.exception("object_failed", namespace=key.namespace, name=key.name)
            fault = FieldError("spec", "reading it, or the HPA that it names, failed by an error in the service; see its log")
            refused.append(Refused(key, obj, InvalidObject(f"PredictiveAutoscaler {key}", (fault,))))
    return served, refused


def _resolved(obj: Json, autoscaler: PredictiveAutoscaler, hpas: Store | None) -> Served:
    if autoscaler.spec.mode is not Mode.HPA_FLOOR:
        return Served(key_of(obj), obj, autoscaler)
    hpa = hpa_of(autoscaler, hpas)
    if isinstance(hpa, MissingTarget):
        return Served(key_of(obj), obj, autoscaler, missing=hpa)
    found = effective(obj, hpa)
    if isinstance(found, MissingTarget):
        return Served(key_of(obj), obj, autoscaler, hpa, found)
    return Served(key_of(obj), obj, found, hpa)


async def observe(context: Context, index: PodIndex, forecasts: Forecasts) -> Fleet:
    """Look at all objects: caches, the API for kinds that are not cached, and one round of queries."""
    served, refused = parse(context.stores.autoscalers.items(), context.stores.hpas)
    bound = asyncio.Semaphore(PARALLEL_REQUESTS)

    async def look(one: Served) -> SeenTarget | MissingTarget:
        if one.missing:
            return one.missing
        async with bound:
            return await look_at(one.target, context.stores, context.kube)

    async def from_apis() -> tuple[list[SeenTarget | MissingTarget], Answers]:
        targets = await asyncio.gather(*map(look, served))
        pairs = zip(served, targets, strict=True)
        questions = (question for one, target in pairs for question in _questions(one, target) if question is not None)
        within_s = budget_s(context.settings.kubernetes.request_timeout_s)
        return targets, await api_load.read(context.kube, questions, within_s=within_s)

    (targets, answers), loads = await asyncio.gather(
        from_apis(),
        load.read(
            context.metrics,
            (spec for one in served for spec in _of_prometheus(one.autoscaler.spec)),
            within_s=budget_s(context.settings.prometheus.timeout_s),
            turn=int(context.clock.now_s()),
            windows_s=(short_s for one in served if (short_s := _short_window_s(one, context)) is not None),
        ),
    )
    pods = index.look()
    window_s = float(context.settings.prometheus.rate_window_s)
    stale = stale_watch(context)
    seen = []
    for one, target in zip(served, targets, strict=True):
        if isinstance(target, MissingTarget):
            seen.append(Seen(one, None, target))
            continue
        selected = () if target.fault else pods.select(one.key.namespace, target.selector)
        readings = tuple(
            load.reading(spec, selected, loads, window_s) if question is None else api_load.reading(spec, answers[question])
            for spec, question in zip(one.autoscaler.spec.metrics, _questions(one, target), strict=True)
        )
        observation = Observation(
            target.spec_replicas,
            target.status_replicas,
            selected,
            readings,
            forecasts(one),
            selector_fault=target.fault,
            short=_short(one, context, selected, loads),
        )
        if stale and target.fault is None:
            observation = _held(observation, stale, Reason.STALE_METRICS)
        seen.append(Seen(one, observation))
    failure = loads.failure()
    return Fleet(tuple(seen), tuple(refused), str(failure) if failure else None)


def stale_watch(context: Context) -> str | None:
    """Say which watch of what is scaled has not been heard of for too long; None when all are fresh."""
    stores = {"pods": context.stores.pods} | dict(context.stores.workloads)
    return _silence(stores, "so replicas and pods may be others by now")


def stale_orders(context: Context) -> str | None:
    """Say which watch of what users ask for has not been heard of for too long; None when all are fresh.

    An object may have been changed or deleted since, or an HPA or a ScaledObject have come: what was asked for once must not be
    carried out. A watch that was never answered knows of nobody, which is not the same as that there is nobody; a kind that the
    cluster does not have is answered.
    """
    optional = {HPAS: context.stores.hpas, SCALED_OBJECTS: context.stores.scaled_objects}
    stores = {AUTOSCALERS: context.stores.autoscalers} | {name: store for name, store in optional.items() if store}
    return _silence(stores, "so what is asked for may be another by now")


def _silence(stores: Mapping[str, Store], so: str) -> str | None:
    """Say of the cache that is oldest that it is too old, what that means and what is known of the cause; None if it is not."""
    ages = {name: store.age_s() if store.synced else math.inf for name, store in stores.items()}
    name = max(ages, key=lambda one: ages[one])
    if ages[name] <= STALE_S:
        return None
    why = f": {stores[name].problem}" if stores[name].problem else ""
    if ages[name] == math.inf:
        return f"the watch of {name} has not been answered yet, {so}{why}"
    return f"the watch of {name} is silent for over {STALE_S:g} s, {so}{why}"


def _of_prometheus(spec: PredictiveAutoscalerSpec) -> Iterable[MetricSpec]:
    """Return the metrics that Prometheus is asked for."""
    asked = spec.resource_metrics is ResourceMetrics.PROMETHEUS
    return (metric for metric in spec.metrics if metric.prometheus or (asked and load.resource_of(metric)))


def _questions(one: Served, target: SeenTarget | MissingTarget) -> tuple[MetricQuestion | None, ...]:
    """Return what Kubernetes' metrics APIs are asked for each metric of an object; None for those that Prometheus knows."""
    if isinstance(target, MissingTarget):
        return ()
    spec = one.autoscaler.spec
    of = (one.key.namespace, target.selector, spec.resource_metrics)
    return tuple(api_load.question_of(metric, *of) for metric in spec.metrics)


def _held(observation: Observation, why: str, reason: Reason) -> Observation:
    """Take away what could move replicas."""
    blind: Sequence[MetricReading] = [
        MetricReading(reading.spec, error=why, error_reason=reason, window_s=reading.window_s, source=reading.source)
        for reading in observation.readings
    ]
    return replace(observation, readings=tuple(blind), forecasts=(), short=(), unseen=True)


def _short_window_s(one: Served, context: Context) -> int | None:
    """Return over which window an object's CPU is read once more for its burst; None where that tells nothing else."""
    spec = one.autoscaler.spec
    if spec.burst is None or all(load.resource_of(metric) != load.CPU for metric in _of_prometheus(spec)):
        return None
    window_s = spec.burst.window_seconds
    return None if window_s == context.settings.prometheus.rate_window_s else window_s


def _short(one: Served, context: Context, pods: tuple[PodView, ...], loads: load.Loads) -> tuple[MetricReading | None, ...]:
    """Return the readings of an object over the window of its burst, None for those that have no other."""
    window_s = _short_window_s(one, context)
    if window_s is None:
        return ()
    return tuple(load.short_reading(spec, pods, loads, window_s) for spec in one.autoscaler.spec.metrics)
