"""What the fields of our resources must fulfil together, and what text in them must look like.

`structure` has told by then what is missing, unknown or of the wrong kind. These rules read the same JSON and pass over what is
of the wrong kind, so that an object with several faults of both sorts hears of all of them at once. Rules that the HPA has are
the HPA's (Kubernetes 1.36, `pkg/apis/autoscaling/validation`).
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from autoscaler.api.override_rules import override_faults
from autoscaler.api.quantity import parse_float
from autoscaler.api.schedule_rules import exclusion_faults
from autoscaler.api.structure import a_list, an_object, shown, whole
from autoscaler.api.times import zone_fault
from autoscaler.api.types import ForecastSpec
from autoscaler.errors import FieldError

Json = object
Object = Mapping[str, Json]

_SOURCES = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
    "Prometheus": "prometheus",
}
_TARGETS = {"Utilization": "averageUtilization", "AverageValue": "averageValue", "Value": "value"}
_BY_POD, _OF_ALL = ("Utilization", "AverageValue"), ("AverageValue", "Value")
_TARGET_TYPES: Mapping[str, tuple[tuple[str, ...], str]] = {  # by source: what the target can be, and why nothing else
    "resource": (_BY_POD, "a resource is measured pod by pod"),
    "containerResource": (_BY_POD, "a resource is measured pod by pod"),
    "pods": (("AverageValue",), "the metric is measured pod by pod, and has no requests to be a percentage of"),
    "object": (_OF_ALL, "the metric has no requests to be a percentage of"),
    "external": (_OF_ALL, "the metric has no requests to be a percentage of"),
    "prometheus": (_OF_ALL, "a query has no requests to be a percentage of"),
}
_KNOWN_AT_ZERO = ("Object", "External", "Prometheus")  # metrics that say something while no pod runs
_PERCENT = re.compile(r"(100|[1-9][0-9]?)%", re.ASCII)
_CONTAINER = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_LONGEST_SUBDOMAIN = 253
_LABEL_NAME = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_LABEL_KEY = re.compile(rf"({_SUBDOMAIN}/)?{_LABEL_NAME}", re.ASCII)
_LABEL_VALUE = re.compile(rf"({_LABEL_NAME})?", re.ASCII)
_GROUP_VERSION = re.compile(rf"({_SUBDOMAIN}/)?v[0-9][a-z0-9]*", re.ASCII)
_OBJECT_NAME = re.compile(_SUBDOMAIN, re.ASCII)
_NAMESPACE = _CONTAINER  # both are DNS labels


def is_label_key(text: str) -> bool:
    """Say whether a text can be the key of a label."""
    return len(text.rpartition("/")[0]) <= _LONGEST_SUBDOMAIN and _LABEL_KEY.fullmatch(text) is not None


def is_label_value(text: str) -> bool:
    """Say whether a text can be the value of a label."""
    return _LABEL_VALUE.fullmatch(text) is not None


def metadata_faults(metadata: Json, path: str = "metadata") -> Iterator[FieldError]:
    """Yield names, labels and annotations that the API server would refuse; what is absent is not told here."""
    fields = an_object(metadata)
    name, namespace = fields.get("name"), fields.get("namespace")
    if isinstance(name, str) and not (len(name) <= _LONGEST_SUBDOMAIN and _OBJECT_NAME.fullmatch(name)):
        form = "a DNS name (RFC 1123: at most 253 of a-z, 0-9, - and ., with a letter or digit first, last and beside each dot)"
        yield FieldError(f"{path}.name", f"must be {form}, not {shown(name)}")
    if isinstance(namespace, str) and not _NAMESPACE.fullmatch(namespace):
        form = "a DNS label (RFC 1123: at most 63 of a-z, 0-9 and -, with a letter or digit first and last)"
        yield FieldError(f"{path}.namespace", f"must be {form}, not {shown(namespace)}")
    for kind in ("labels", "annotations"):
        given = fields.get(kind)
        if given is not None and not isinstance(given, Mapping):
            yield FieldError(f"{path}.{kind}", "must be an object of texts")
        for key, value in an_object(given).items():
            where = f"{path}.{kind}[{key}]"
            yield from _label(key, value, where) if kind == "labels" else _label(str(key).lower(), None, where)
            if not isinstance(value, str):
                yield FieldError(where, f"must be text, not {shown(value)}; put it in quotes")


def autoscaler_faults(spec: Json, path: str = "spec") -> Iterator[FieldError]:
    """Yield what is wrong with the spec of a PredictiveAutoscaler beyond its structure."""
    fields = an_object(spec)
    low, high = whole(fields.get("minReplicas", 1)), whole(fields.get("maxReplicas"))
    if low is not None and high is not None and 1 <= high < low:
        yield FieldError(f"{path}.maxReplicas", f"must be at least minReplicas, which is {low}, not {high}")
    kinds = [an_object(metric).get("type") for metric in a_list(fields.get("metrics"))]
    if low == 0 and not any(kind in _KNOWN_AT_ZERO for kind in kinds):
        message = f"must be 1 or more without a metric of type {', '.join(_KNOWN_AT_ZERO)}: no other tells when to come back"
        yield FieldError(f"{path}.minReplicas", message)
    yield from _scale_target(an_object(fields.get("scaleTargetRef")), f"{path}.scaleTargetRef")
    for index, metric in enumerate(a_list(fields.get("metrics"))):
        yield from _metric(an_object(metric), f"{path}.metrics[{index}]")
    behavior = an_object(fields.get("behavior"))
    for direction in ("scaleUp", "scaleDown"):
        rules = an_object(behavior.get(direction))
        yield from _quantity(rules, "tolerance", f"{path}.behavior.{direction}", at_least=(0.0, "0 or more"))
    yield from _forecast(an_object(fields.get("forecast")), f"{path}.forecast")
    yield from override_faults(fields, path)


def healing_faults(spec: Json, path: str = "spec") -> Iterator[FieldError]:
    """Yield what is wrong with the spec of a HealingPolicy beyond its structure."""
    fields = an_object(spec)
    if isinstance(selector := fields.get("selector"), Mapping):
        yield from _selector(selector, f"{path}.selector")
    if isinstance(faults := fields.get("faults"), Mapping) and not any(value is not None for value in faults.values()):
        yield FieldError(f"{path}.faults", "must name at least one fault to look for: notReady")
    actions = Counter(action for action in a_list(fields.get("actions")) if isinstance(action, str))
    for repeated in sorted(action for action, count in actions.items() if count > 1):
        yield FieldError(f"{path}.actions", f"must name each action once, but {repeated} is there more than once")
    unavailable = an_object(fields.get("budget")).get("maxUnavailable")
    if isinstance(unavailable, str) and not _PERCENT.fullmatch(unavailable):
        message = f"must be a whole number from 1 or a percentage from 1% to 100% such as 25%, not {shown(unavailable)}"
        yield FieldError(f"{path}.budget.maxUnavailable", message)


def _scale_target(ref: Object, path: str) -> Iterator[FieldError]:
    for name in ("kind", "name"):
        yield from _part_of_a_path(ref, name, path)
    version = ref.get("apiVersion")
    if isinstance(version, str) and version and not _GROUP_VERSION.fullmatch(version):
        yield FieldError(f"{path}.apiVersion", f"must be group/version such as apps/v1, not {shown(version)}")


def _part_of_a_path(fields: Object, name: str, path: str) -> Iterator[FieldError]:
    text = fields.get(name)
    if isinstance(text, str) and ("/" in text or "%" in text or text in (".", "..")):
        yield FieldError(f"{path}.{name}", f"must be a name without / and %, not {shown(text)}")


def _metric(metric: Object, path: str) -> Iterator[FieldError]:
    """Yield faults of one metric: exactly the source that `type` names, with a target that this source can have."""
    kind = metric.get("type")
    wanted = _SOURCES.get(kind) if isinstance(kind, str) else None
    if wanted is not None:
        if metric.get(wanted) is None:
            yield FieldError(f"{path}.{wanted}", f"is required when type is {kind}")
        for other in _SOURCES.values():
            if other != wanted and metric.get(other) is not None:
                yield FieldError(f"{path}.{other}", f"must not be set when type is {kind}; write another metric for it")
    for source in _SOURCES.values():
        if isinstance(fields := metric.get(source), Mapping):
            yield from _source(fields, f"{path}.{source}", source)


def _source(source: Object, path: str, kind: str) -> Iterator[FieldError]:
    container, query = source.get("container"), source.get("query")
    if isinstance(container, str) and container and not _CONTAINER.fullmatch(container):
        yield FieldError(f"{path}.container", f"must be the name of a container, not {shown(container)}")
    if isinstance(query, str) and query and not query.strip():
        yield FieldError(f"{path}.query", "must be a PromQL query, not only white space")
    yield from _quantity(source, "activation", path, at_least=(0.0, "0 or more"))
    yield from _scale_target(an_object(source.get("describedObject")), f"{path}.describedObject")
    metric = an_object(source.get("metric"))
    yield from _part_of_a_path(metric, "name", f"{path}.metric")
    yield from _labels(an_object(metric.get("selector")), f"{path}.metric.selector")
    if isinstance(target := source.get("target"), Mapping):
        yield from _target(target, f"{path}.target", kind)


def _target(target: Object, path: str, source: str) -> Iterator[FieldError]:
    kind = target.get("type")
    wanted = _TARGETS.get(kind) if isinstance(kind, str) else None
    allowed, why = _TARGET_TYPES[source]
    if wanted is not None and kind not in allowed:
        yield FieldError(f"{path}.type", f"must be {' or '.join(allowed)}: {why}")
    elif wanted is not None:
        if target.get(wanted) is None:
            yield FieldError(f"{path}.{wanted}", f"is required when type is {kind}")
        for other in _TARGETS.values():
            if other != wanted and target.get(other) is not None:
                yield FieldError(f"{path}.{other}", f"must not be set when type is {kind}")
    for name in ("averageValue", "value"):
        yield from _quantity(target, name, path, at_least=(1e-9, "more than 0"))


def _forecast(forecast: Object, path: str) -> Iterator[FieldError]:
    seasons = Counter(season for season in map(whole, a_list(forecast.get("seasons"))) if season is not None)
    for repeated in sorted(season for season, count in seasons.items() if count > 1):
        yield FieldError(f"{path}.seasons", f"must name each season once, but {repeated} is there more than once")
    history = whole(forecast.get("historySeconds", ForecastSpec().history_seconds))
    for index, season in enumerate(a_list(forecast.get("seasons"))):
        length = whole(season)
        if length is not None and history is not None and 1 <= history < length:
            message = f"must not be longer than historySeconds, which is {history}, not {length}: it could never be learnt"
            yield FieldError(f"{path}.seasons[{index}]", message)

    zone = forecast.get("timeZone")
    if isinstance(zone, str) and zone and (fault := zone_fault(zone)) is not None:
        yield FieldError(f"{path}.timeZone", fault)
    for index, days in enumerate(a_list(forecast.get("holidays"))):
        yield from exclusion_faults(an_object(days), f"{path}.holidays[{index}]")


def _selector(selector: Object, path: str) -> Iterator[FieldError]:
    labels = an_object(selector.get("matchLabels"))
    expressions = a_list(selector.get("matchExpressions"))
    if not labels and not expressions:
        message = "must select something: an empty selector would mean every pod of the namespace"
        yield FieldError(path, message)
    yield from _labels(selector, path)


def _labels(selector: Object, path: str) -> Iterator[FieldError]:
    labels = an_object(selector.get("matchLabels"))
    expressions = a_list(selector.get("matchExpressions"))
    for key, value in labels.items():
        yield from _label(key, value, f"{path}.matchLabels[{key}]")
    for index, expression in enumerate(expressions):
        yield from _expression(an_object(expression), f"{path}.matchExpressions[{index}]")


def _expression(expression: Object, path: str) -> Iterator[FieldError]:
    key, operator, values = expression.get("key"), expression.get("operator"), a_list(expression.get("values"))
    if isinstance(key, str) and key:
        yield from _label(key, None, f"{path}.key")
    for index, value in enumerate(values):
        yield from _label(None, value, f"{path}.values[{index}]")
    if operator in ("In", "NotIn") and expression.get("values") in (None, [], ()):
        yield FieldError(f"{path}.values", f"is required when operator is {operator}")
    if operator in ("Exists", "DoesNotExist") and values:
        yield FieldError(f"{path}.values", f"must not be set when operator is {operator}")


def _label(key: Json, value: Json, path: str) -> Iterator[FieldError]:
    if isinstance(key, str) and not is_label_key(key):
        yield FieldError(path, f"must be the key of a label such as app.kubernetes.io/name, not {shown(key)}")
    if isinstance(value, str) and not is_label_value(value):
        message = f"must be the value of a label (letters, digits, - _ . and at most 63 of them), not {shown(value)}"
        yield FieldError(path, message)


def _quantity(fields: Object, name: str, path: str, *, at_least: tuple[float, str]) -> Iterator[FieldError]:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return
    limit, words = at_least
    try:
        if parse_float(value) < limit:
            yield FieldError(f"{path}.{name}", f"must be {words}, not {shown(value)}")
    except ValueError as error:
        yield FieldError(f"{path}.{name}", str(error))
