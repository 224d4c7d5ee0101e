"""The order in which people write the fields of our objects, which is that of the examples."""

from typing import Any

_ORDER = (
    "apiVersion", "kind", "metadata", "type", "name", "namespace", "labels", "annotations", "spec", "scaleTargetRef",
    "mode", "minReplicas", "maxReplicas", "metrics", "resource", "containerResource", "pods", "object", "external",
    "prometheus", "describedObject", "container", "query", "metric", "selector", "target", "averageUtilization",
    "averageValue", "value", "activation", "key", "operator", "values", "matchLabels", "matchExpressions",
    "periodSeconds", "behavior", "scaleUp", "scaleDown", "stabilizationWindowSeconds", "policies", "selectPolicy",
    "tolerance", "schedules", "cron", "until", "durationSeconds", "from", "to", "timeZone", "min", "max", "fallback",
    "replicas", "afterSeconds", "pause", "all", "scaleIn", "scaleOut", "onDelete",
)  # fmt: skip
_PLACES = {name: place for place, name in enumerate(_ORDER)}
_OF_THE_USER = ("labels", "annotations", "matchLabels")  # keys of their own, in an order of their own


def ordered(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return JSON with its fields in that order; those that are not known here come last, as they were."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: _PLACES.get(name, len(_PLACES)))
        return {name: value[name] if name in _OF_THE_USER else ordered(value[name]) for name in names}
    return [ordered(item) for item in value] if isinstance(value, list | tuple) else value
