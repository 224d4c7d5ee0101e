"""KEDA's prometheus trigger as a metric of type Prometheus.

The service asks one Prometheus in its own name, so whatever says how to reach another one stays behind, and is noted. No value
is ever repeated in a note: addresses and headers may hold secrets.
"""

import re
from dataclasses import dataclass

from autoscaler.api.convert.parts import Fields, Json, Note
from autoscaler.api.structure import an_object

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_ZERO_FOR_NOTHING = re.compile(r"\bor\s+(?:on\s*\(\s*\)\s*)?vector\s*\(\s*0(?:\.0*)?\s*\)\s*\)*\s*$")
_FALSE = re.compile(r"0|f|F|FALSE|false|False")
_SIGNING_IN = "not carried over: the service signs in to its one Prometheus by prometheus.bearer_token_file of its settings"
_READ = ("query", "threshold", "activationThreshold", "ignoreNullValues")
_LEFT = {
    "serverAddress": "not carried over: queries go to prometheus.url of the service's settings; these series must be there",
    "namespace": "not carried over: it is not sent with the query; select the namespace within the query",
    "queryParameters": "not carried over: nothing is sent with the query; say it within the query, or in prometheus.url",
    "customHeaders": "not carried over: no headers are sent; a proxy that adds them can be the service's prometheus.url",
    "unsafeSsl": "not carried over: certificates are checked; name the CA in prometheus.ca_file of the service's settings",
    "timeout": "not carried over: it is prometheus.timeout_s of the service's settings for all queries",
    "authModes": _SIGNING_IN,
    "authMode": _SIGNING_IN,
    "awsRegion": _SIGNING_IN,
    "identityOwner": _SIGNING_IN,
    "metricName": "",  # only a name, and KEDA gave it up
}


@dataclass(frozen=True, slots=True)
class Query:
    """What a trigger became; None when nothing could be made of it."""

    metric: Fields | None
    always_active: bool = False


def read_prometheus(trigger: Json, origin: str, notes: list[Note]) -> Query:
    """Return the query of a trigger with its target, and note what else it says."""
    metadata = an_object(trigger.get("metadata"))
    query, threshold = metadata.get("query"), _number(metadata.get("threshold"))
    if not isinstance(query, str) or not query.strip():
        notes.append(Note(f"{origin}.metadata.query", f"the trigger is left out: {_why(metadata, 'query', 'a PromQL query')}"))
        return Query(None)
    if threshold is None or float(threshold) <= 0:
        what = _why(metadata, "threshold", "a number above 0")
        notes.append(Note(f"{origin}.metadata.threshold", f"the trigger is left out: {what}"))
        return Query(None)
    _tell(trigger, metadata, origin, notes)
    _tell_of_nothing(query, metadata, origin, notes)
    kind = "Value" if trigger.get("metricType") == "Value" else "AverageValue"
    field = "value" if kind == "Value" else "averageValue"
    source: Fields = {"query": query.strip(), "target": {"type": kind, field: threshold}}
    activation = _number(metadata.get("activationThreshold", "0"))
    if activation is None or float(activation) < 0:
        text = "left out: below 0 the trigger is always active" if activation else "left out: it must be a number"
        notes.append(Note(f"{origin}.metadata.activationThreshold", text))
    elif float(activation) > 0:
        source["activation"] = activation
    always = activation is not None and float(activation) < 0
    return Query({"type": "Prometheus", "prometheus": source}, always_active=always)


def _number(value: object) -> str | None:
    """Return a number as it stands there, without a sign that says nothing; None for anything else."""
    text = str(value) if not isinstance(value, bool) else ""
    return text.removeprefix("+") if _NUMBER.fullmatch(text) else None


def _why(metadata: Json, name: str, wanted: str) -> str:
    if f"{name}FromEnv" in metadata:
        return f"it is in the environment of the pods ({name}FromEnv), which is not read"
    return f"this must be {wanted}"


def _tell(trigger: Json, metadata: Json, origin: str, notes: list[Note]) -> None:
    """Note what says how to reach Prometheus."""
    for name, value in metadata.items():
        text = _LEFT.get(name, _LEFT.get(name.removesuffix("FromEnv"), "left out: it is not known here"))
        counts = not (name == "unsafeSsl" and _FALSE.fullmatch(str(value).lower()))
        if name not in _READ and text and counts and value not in ("", None):
            notes.append(Note(f"{origin}.metadata.{name}", text))
    if "authenticationRef" in trigger:
        notes.append(Note(f"{origin}.authenticationRef", _SIGNING_IN))
    kind = trigger.get("metricType")
    if kind not in (None, "", "AverageValue", "Value"):
        notes.append(Note(f"{origin}.metricType", "left out: it must be AverageValue or Value; AverageValue is taken"))


def _tell_of_nothing(query: str, metadata: Json, origin: str, notes: list[Note]) -> None:
    """Note where no value meant zero: here it is no load known, which holds replicas and never removes one."""
    ignored = not _FALSE.fullmatch(str(metadata.get("ignoreNullValues", "true")).lower())
    if ignored and not _ZERO_FOR_NOTHING.search(query):
        text = (
            "not carried over: no value counts as 0 in KEDA, and here as no load known, so that replicas are held; where it "
            "does mean no load, write the query as (QUERY) or on() vector(0)"
        )
        notes.append(Note(f"{origin}.metadata.ignoreNullValues", text))
