"""Writes an answer in the text format 0.0.4 or in OpenMetrics 1.0.

The lines of samples are the same in both, so they are made once by the collectors and only the lines before each
family differ: OpenMetrics names a counter without its ``_total`` and an info without its ``_info``. A counter whose
name lacks ``_total`` (cAdvisor has some) can only be ``unknown`` there.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from exporters.collectors.contract import Family, Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

_GZIP = 31  # zlib's code for a gzip frame with the largest window
_FAST = 1


class Format(Enum):
    """A format of Prometheus' and the content type that says so."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Written:
    """The sample lines of one family, encoded."""

    family: Family
    lines: bytes


def render(written: Iterable[Written], own: bytes, chosen: Format) -> Iterator[bytes]:
    """Yield an answer in pieces: container families, then the exporter's own, which are in the format already.

    The lines of one family may come in several pieces, one after the other.
    """
    begun: Family | None = None
    for one in written:
        if one.family is not begun:
            yield _header(one.family, chosen).encode()
            begun = one.family
        yield one.lines
    yield own
    if chosen is Format.OPENMETRICS:
        yield b"# EOF\n"


def is_named(family: Family, names: Collection[str]) -> bool:
    """Say whether one of the names means the family: as in the text format, or as in OpenMetrics."""
    return family.name in names or _in_openmetrics(family)[0] in names


def gzipped(pieces: Iterable[bytes]) -> bytes:
    """Compress at the cheapest level, which already shrinks repetitive labels by nine tenths and more."""
    packer = zlib.compressobj(_FAST, zlib.DEFLATED, _GZIP)
    packed = [packer.compress(piece) for piece in pieces]
    return b"".join((*packed, packer.flush()))


def _header(family: Family, chosen: Format) -> str:
    name, kind = family.name, family.kind.value
    if chosen is Format.OPENMETRICS:
        name, kind = _in_openmetrics(family)
    elif family.kind is Kind.INFO:
        kind = "gauge"
    explained = family.help.replace("\\", "\\\\").replace("\n", "\\n")
    if chosen is Format.OPENMETRICS:
        explained = explained.replace('"', '\\"')
    return f"# HELP {name} {explained}\n# TYPE {name} {kind}\n"


def _in_openmetrics(family: Family) -> tuple[str, str]:
    match family.kind:
        case Kind.COUNTER if family.name.endswith("_total"):
            return family.name.removesuffix("_total"), "counter"
        case Kind.COUNTER:
            return family.name, "unknown"
        case Kind.INFO:
            return family.name.removesuffix("_info"), "info"
        case Kind.GAUGE:
            return family.name, "gauge"


def choose(accept: str) -> Format:
    """Choose by an Accept header: OpenMetrics if it is wanted at least as much as text in a version that we write."""
    wanted: dict[Format, float] = {}
    for part in accept.lower().split(","):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        values = dict(parameter.partition("=")[::2] for parameter in parameters)
        weight = _weight(values.get("q", "1"))
        if media == "application/openmetrics-text" and values.get("version", "1.0.0") in {"1.0.0", "0.0.1"}:
            wanted[Format.OPENMETRICS] = max(weight, wanted.get(Format.OPENMETRICS, 0.0))
        elif media in {"text/plain", "text/*", "*/*"} and values.get("version", "0.0.4") in {"0.0.4", "1.0.0"}:
            wanted[Format.TEXT] = max(weight, wanted.get(Format.TEXT, 0.0))
    openmetrics = wanted.get(Format.OPENMETRICS, 0.0)
    return Format.OPENMETRICS if openmetrics > 0 and openmetrics >= wanted.get(Format.TEXT, 0.0) else Format.TEXT


def accepts_gzip(accept_encoding: str) -> bool:
    """Say whether an Accept-Encoding header allows gzip: by its name, or else by the star that stands for all others."""
    allowed: dict[str, bool] = {}
    for part in accept_encoding.lower().split(","):
        coding, *parameters = (piece.strip() for piece in part.split(";"))
        allowed[coding] = all(_weight(parameter.removeprefix("q=")) > 0 for parameter in parameters)
    return allowed.get("gzip", allowed.get("*", False))


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
