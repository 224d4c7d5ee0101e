"""Read the settings of the service: default < YAML file < environment < flag.

Every wrong value and every unknown key stops the start, all of them in one message, each with the key, where it came from and
what is allowed. What the values mean is said in `settings`; nothing is opened or connected here but the one file.
"""

import difflib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import inspect as types

from autoscaler.errors import InvalidSettings
from autoscaler.settings import KubernetesSettings, Settings
from autoscaler.yaml_text.documents import decoded, documents
from autoscaler.yaml_text.unreadable import Unreadable

PREFIX = "FORESAIL_"
_NOT_SETTINGS = {"FORESAIL_CACHE", "FORESAIL_HELM"}  # of the demonstration and its tests
MASK = "********"
# Kubernetes tells every pod of every Service in its namespace by such variables; a Service named `foresail` makes some that
# look like ours.
_SERVICE_LINK = re.compile(r"_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$")
_DASK = re.compile(r"(tcp|tls)://([^/?#@:\s\[\]]+|\[[0-9A-Fa-f:.]+\]):[1-9][0-9]{0,4}")
_NUMBERS = (types.IntType, types.FloatType)


@dataclass(frozen=True, slots=True)
class Given:
    """One value as somebody gave it; `text` is set where everything is text (environment, flags)."""

    key: tuple[str, ...]
    value: object
    source: str
    text: bool = False


def load(file: Path | None, environ: Mapping[str, str], flags: Sequence[Given] = ()) -> Settings:
    """Return the settings.

    Raises InvalidSettings that names every wrong key, its source and what is allowed; or the file, when it cannot be read.
    """
    errors: list[str] = []
    tree: dict[str, Any] = {}
    given = [*(_from_file(file, errors) if file else ()), *_from_environment(environ), *flags]
    for one in given:
        _place(tree, one, errors)
    settings = msgspec.convert(tree, Settings)  # what was wrong by itself is not in the tree
    errors += _contradictions(settings)
    if not errors:
        return settings
    raise InvalidSettings("the settings cannot be used:\n  " + "\n  ".join(errors))


def of_kubernetes(environ: Mapping[str, str], kubeconfig: str | None, context: str | None) -> KubernetesSettings:
    """Return how a command reaches the API server: by its flags, else by the environment; raises InvalidSettings as `load`."""
    given = {"kubeconfig": kubeconfig, "context": context}
    flags = [Given(("kubernetes", key), value, f"flag --{key}", text=True) for key, value in given.items() if value is not None]
    return load(None, environ, flags).kubernetes


def masked(settings: Settings) -> dict[str, Any]:
    """Return the settings as JSON for a log line, without what may be a secret (addresses of webhooks, passwords in URLs)."""
    tree: dict[str, Any] = msgspec.to_builtins(settings)
    tree["prometheus"]["url"] = without_password(tree["prometheus"]["url"])
    for webhook in tree["notify"]["webhooks"]:
        webhook["url"] = webhook["url"] and _only_host(webhook["url"])
    return tree


def without_password(url: str) -> str:
    """Return a URL with what identifies the user masked."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{MASK}@{host}")) if at and user else url


def leaves(
    struct: type[msgspec.Struct] = Settings, above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], types.Field]]:
    """Yield the key and the field of every single setting, in the order of the tree."""
    for field in _fields(struct).values():
        key = (*above, field.name)
        if isinstance(field.type, types.StructType):
            yield from leaves(field.type.cls, key)
        else:
            yield key, field


def variable(key: tuple[str, ...]) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + "__".join(key).upper()


def allowed(kind: types.Type) -> str:
    """Say in words which values a setting may have."""
    if isinstance(kind, types.BoolType):
        return "true or false"
    if isinstance(kind, types.LiteralType):
        return "one of " + ", ".join(map(str, kind.values))
    if isinstance(kind, _NUMBERS):
        bounds = ((">", kind.gt), (">=", kind.ge), ("<", kind.lt), ("<=", kind.le))
        name = "a whole number" if isinstance(kind, types.IntType) else "a number"
        return " and ".join([name, *(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)]).replace(
            " and", "", 1
        )
    if isinstance(kind, types.VarTupleType):
        if isinstance(kind.item_type, types.StructType):
            return "a list of {" + ", ".join(_fields(kind.item_type.cls)) + "}"
        return "a list of texts"
    return "text"


def _from_file(file: Path, errors: list[str]) -> Iterator[Given]:
    doing = f"reading the settings file {file}"
    try:
        found = list(documents(decoded(file.read_bytes())))
    except OSError as error:
        raise InvalidSettings(f"{doing}: {error.strerror or error}; check --config") from error
    except Unreadable as error:
        raise InvalidSettings(f"{doing}: {error}") from error
    if len(found) > 1:
        raise InvalidSettings(f"{doing}: it holds {len(found)} documents (--- begins one), and one is expected")
    content = found[0].value if found else None
    if content is None:
        return
    if not isinstance(content, dict):
        raise InvalidSettings(f"{doing}: a mapping of settings is expected, not {content!r}")
    errors += [f"file {file}: {repeat}" for repeat in found[0].repeats]
    yield from _flatten(content, Settings, (), f"file {file}", errors)


def _flatten(
    content: dict[Any, Any], struct: type[msgspec.Struct], above: tuple[str, ...], source: str, errors: list[str]
) -> Iterator[Given]:
    fields = _fields(struct)
    for name, value in content.items():
        key = (*above, str(name))
        field = fields.get(str(name))
        if field is None or not isinstance(field.type, types.StructType):
            yield Given(key, value, source)
        elif isinstance(value, dict):
            yield from _flatten(value, field.type.cls, key, source, errors)
        elif value is not None:  # a section without content is a section without settings
            errors.append(f"{'.'.join(key)} from {source}: is {value!r}; allowed is a section with {', '.join(fields_of(key))}")


def fields_of(key: tuple[str, ...]) -> list[str]:
    """Return the names of the settings of a section."""
    struct: type[msgspec.Struct] = Settings
    for name in key:
        kind = _fields(struct)[name].type
        if not isinstance(kind, types.StructType):
            return []
        struct = kind.cls
    return list(_fields(struct))


def _from_environment(environ: Mapping[str, str]) -> Iterator[Given]:
    known = set(_fields(Settings))
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX) or name in _NOT_SETTINGS:
            continue
        key = tuple(name.removeprefix(PREFIX).lower().split("__"))
        if key[0] not in known and _SERVICE_LINK.search(name):
            continue
        yield Given(key, value, f"environment {name}", text=True)


def _place(tree: dict[str, Any], one: Given, errors: list[str]) -> None:
    """Put one value where it belongs, or say why it cannot be."""
    place = tree
    struct: type[msgspec.Struct] = Settings
    dotted = ".".join(one.key)
    for depth, name in enumerate(one.key):
        fields = _fields(struct)
        field = fields.get(name)
        last = depth == len(one.key) - 1
        if field is None or last == isinstance(field.type, types.StructType):
            close = difflib.get_close_matches(dotted, [".".join(key) for key, _ in leaves()], n=1)
            hint = f"; did you mean {close[0]}?" if close else f"; known here: {', '.join(fields)}"
            errors.append(f"{dotted} from {one.source}: there is no such setting{hint}")
            return
        if isinstance(field.type, types.StructType):
            place, struct = place.setdefault(name, {}), field.type.cls
        else:
            _set(place, field, one, errors)


def _set(place: dict[str, Any], field: types.Field, one: Given, errors: list[str]) -> None:
    dotted = ".".join(one.key)
    try:
        value = _read_list(str(one.value)) if one.text and isinstance(field.type, types.VarTupleType) else one.value
        annotation = _annotation(one.key)
        converted = msgspec.convert(value, annotation, strict=not one.text)
    except (msgspec.ValidationError, ValueError) as error:
        secret = isinstance(field.type, types.VarTupleType) and isinstance(field.type.item_type, types.StructType)
        shown = MASK if secret else repr(one.value)
        where = str(error).partition(" - at `$")[2].rstrip("`")
        detail = f" ({dotted}{where}: {str(error).partition(' - at')[0]})" if where else ""
        errors.append(f"{dotted} from {one.source}: is {shown}; allowed is {allowed(field.type)}{detail}")
        return
    if isinstance(converted, float) and not math.isfinite(converted):
        errors.append(f"{dotted} from {one.source}: is {one.value!r}; allowed is {allowed(field.type)}, and finite")
        return
    place[field.name] = msgspec.to_builtins(converted)


def _read_list(text: str) -> object:
    """Read a list from one line of text: JSON, or words between commas."""
    if text.lstrip().startswith(("[", "{")):
        return json.loads(text)
    return [word for word in (part.strip() for part in text.split(",")) if word]


def _contradictions(settings: Settings) -> Iterator[str]:
    """Yield what is wrong with settings that are right one by one."""
    lease = settings.leader_election
    if not lease.retry_period_s < lease.renew_deadline_s < lease.lease_duration_s:
        yield (
            "leader_election: retry_period_s < renew_deadline_s < lease_duration_s must hold, they are "
            f"{lease.retry_period_s:g}, {lease.renew_deadline_s:g} and {lease.lease_duration_s:g}"
        )
    if settings.forecast.expiry_s <= settings.forecast.refresh_s:
        yield (
            f"forecast.expiry_s ({settings.forecast.expiry_s:g}) must be more than forecast.refresh_s "
            f"({settings.forecast.refresh_s:g}), or every forecast expires before the next"
        )
    if settings.forecast.dask_address and not _DASK.fullmatch(settings.forecast.dask_address):
        yield "forecast.dask_address: must be the address of a Dask scheduler, such as tcp://scheduler:8786 or tls://scheduler:8786"
    webhooks = settings.notify.webhooks
    for webhook in webhooks:
        if bool(webhook.url) == bool(webhook.url_file):
            yield f"notify.webhooks {webhook.name}: exactly one of url and url_file must be given"
    for key, url in (
        ("prometheus.url", settings.prometheus.url),
        *((f"notify.webhooks {w.name}", w.url) for w in webhooks if w.url),
    ):
        if not _is_address(url):
            yield f"{key}: must be an absolute URL with http or https, such as http://prometheus:9090"


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.netloc) and parts.port != 0
    except ValueError:  # a port that is no number, brackets that do not close
        return False


def _fields(struct: type[msgspec.Struct]) -> dict[str, types.Field]:
    info = types.type_info(struct)
    assert isinstance(info, types.StructType)  # noqa: S101 - by the type of the argument
    return {field.name: field for field in info.fields}


def _annotation(key: tuple[str, ...]) -> Any:  # noqa: ANN401 - a type expression has no type of its own
    struct: type[msgspec.Struct] = Settings
    for name in key[:-1]:
        kind = _fields(struct)[name].type
        assert isinstance(kind, types.StructType)  # noqa: S101 - the caller has walked the same way
        struct = kind.cls
    return next(field.type for field in msgspec.structs.fields(struct) if field.name == key[-1])


def _only_host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{MASK}"
