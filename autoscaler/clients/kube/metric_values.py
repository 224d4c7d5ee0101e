"""JSON of Kubernetes' metrics APIs to values in milli-units, as the HPA reads it (Kubernetes 1.36, `metrics/client.go`); pure.

metrics.k8s.io tells the usage of each container, custom.metrics.k8s.io values of pods and other objects, and
external.metrics.k8s.io values of anything else. A pod of which a part is missing has no value: half a pod would look idle.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from autoscaler.api.quantity import parse_milli
from autoscaler.clients.ports import MetricValue
from autoscaler.clients.timestamps import seconds

Json = Mapping[str, Any]
Reader = Callable[[str], int]  # a quantity in milli-units
_DEFAULT_WINDOW_S = 60.0  # of the custom metrics API, where it does not say
_UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"([0-9.]+)(h|ms|m|us|µs|ns|s)")


def usage_of_pods(
    items: Iterable[Json], resource: str, container: str | None, read: Reader = parse_milli
) -> Mapping[str, MetricValue]:
    """Return the usage of each pod (PodMetrics), or that of one container of each."""
    found: dict[str, MetricValue] = {}
    for item in items:
        containers = item.get("containers") or ()
        if container is not None:
            containers = [one for one in containers if one["name"] == container][:1]
        amounts = [one.get("usage", {}).get(resource) for one in containers]
        if amounts and None not in amounts:
            milli = sum(map(read, amounts))
            name = item["metadata"]["name"]
            found[name] = MetricValue(name, milli, _at_s(item), _duration_s(item.get("window")))
    return found


def values_of_pods(items: Iterable[Json], read: Reader = parse_milli) -> Mapping[str, MetricValue]:
    """Return the value of each pod (MetricValue of custom.metrics.k8s.io)."""
    values = [value(item, read) for item in items]
    return {one.of: one for one in values}


def value(item: Json, read: Reader = parse_milli) -> MetricValue:
    """Return the value of one item of the custom or external metrics API."""
    window_s = item.get("windowSeconds")
    of = (item.get("describedObject") or {}).get("name", "")
    return MetricValue(of, read(item["value"]), _at_s(item), _DEFAULT_WINDOW_S if window_s is None else float(window_s))


def _at_s(item: Json) -> float | None:
    return seconds(item.get("timestamp"))


def _duration_s(text: str | None) -> float:
    """Return a duration as Go writes it (`1m0.5s`)."""
    return sum((float(number) * _UNITS_S[unit] for number, unit in _PART.findall(text or "")), 0.0)
