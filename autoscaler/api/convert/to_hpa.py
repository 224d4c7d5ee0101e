"""A PredictiveAutoscaler as an HPA of autoscaling/v2, and what of it no HPA can say. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from autoscaler.errors import Permanent

Json = dict[str, Any]
_SAME = ("scaleTargetRef", "minReplicas", "maxReplicas", "behavior")
_OURS: Mapping[str, str] = {  # fields beside those: what becomes of them
    "forecast": "nothing is forecast; the HPA follows the load",
    "schedules": "the bounds are the same at all times",
    "burst": "a sudden rise is handled as any other",
    "fallback": "while metrics fail replicas stay as they are",
    "pause": "nothing is paused; an HPA of which minReplicas equals maxReplicas holds a count",
    "resourceMetrics": "CPU and memory are read from metrics.k8s.io",
    "cpuInitializationPeriodSeconds": "the flag of kube-controller-manager counts",
    "initialReadinessDelaySeconds": "the flag of kube-controller-manager counts",
    "onDelete": "replicas stay when the HPA is deleted",
}
_DEFAULTS: Mapping[str, object] = {"resourceMetrics": "Prometheus", "onDelete": "Keep"}  # not worth a word


def hpa_of(autoscaler: Json) -> tuple[Json, list[str]]:
    """Return the HPA of the same name that stands for an object of ours, and a line for each thing that it cannot say.

    Raises Permanent when none of its metrics is one that an HPA has: without metrics it would scale by CPU.
    """
    meta, spec = autoscaler["metadata"], autoscaler["spec"]
    notes = list(_lost(spec))
    hpa_spec = {name: spec[name] for name in _SAME if name in spec}
    if metrics := spec.get("metrics"):
        hpa_spec["metrics"] = list(_metrics(metrics, notes))
        if not hpa_spec["metrics"]:
            raise Permanent(
                f"making an HPA of PredictiveAutoscaler {meta['namespace']}/{meta['name']}: all its metrics are PromQL, "
                "which no HPA has; serve them as External metrics (prometheus-adapter), and write the HPA by hand"
            )
    owners = {"ownerReferences": meta["ownerReferences"]} if meta.get("ownerReferences") else {}
    hpa = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": meta["name"], "namespace": meta["namespace"], **owners},
        "spec": hpa_spec,
    }
    return hpa, notes


def _metrics(metrics: list[Json], notes: list[str]) -> Iterator[Json]:
    for index, metric in enumerate(metrics):
        if metric.get("type") == "Prometheus":
            notes.append(f"spec.metrics[{index}] is left out: an HPA has no PromQL; serve it as an External metric")
            continue
        source = next((key for key in ("object", "external") if "activation" in metric.get(key, {})), None)
        if source is not None:
            notes.append(f"spec.metrics[{index}].{source}.activation is left out: any value above 0 leaves zero pods")
            metric = {**metric, source: {key: value for key, value in metric[source].items() if key != "activation"}}  # noqa: PLW2901
        yield metric


def _lost(spec: Json) -> Iterator[str]:
    for name, instead in _OURS.items():
        value = spec.get(name)
        off = name == "forecast" and value and value.get("enabled") is False
        if value not in (None, [], {}) and not off and value != _DEFAULTS.get(name):
            yield f"spec.{name} is left out: {instead}"
    if spec.get("minReplicas") == 0:
        yield "minReplicas 0 needs the feature gate HPAScaleToZero (alpha); without it the API server refuses the HPA"
    behavior = spec.get("behavior") or {}
    if any("tolerance" in (behavior.get(way) or {}) for way in ("scaleUp", "scaleDown")):
        yield "tolerance in behavior needs HPAConfigurableTolerance (on since Kubernetes 1.35); else the API server drops it"
