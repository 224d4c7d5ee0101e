"""The tables of all metrics for people, made from the collectors, so that they cannot say anything else than those do.

Name, type and meaning stand in the code. Which labels a family carries is seen in sample answers, the golden ones of the
tests, in which every family occurs: a list written by hand would be a second truth. ``python -m exporters.metrics_table
FOLDER`` reads the answers below a folder and prints the page; the exporter itself never imports this.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from exporters.cgroup.files import Tally
from exporters.collectors import REGISTERED
from exporters.collectors.contract import Family, Kind
from exporters.exposition.own import OwnMetrics
from exporters.exposition.text import Format

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from exporters.collectors.contract import Collector

SIX = ("container", "id", "image", "name", "namespace", "pod")
"""What every series of a container carries."""

_INTRODUCTION = """\
# Metrics of the exporter

What `foresail-exporter` tells at `:9109/metrics`, made from its code by `make generate`. Names, units and labels are
those of the kubelet's `/metrics/cadvisor` wherever it has the metric; `exporter-parity.md` says where they differ and why.

*Six* stands for the labels `container`, `id`, `image`, `name`, `namespace` and `pod`, which every series of a container
carries. Names that are not known are empty. What the kernel does not tell has no series. Source names the files of
version 1 (v1) and version 2 (v2) of cgroups; where only one is named, the other does not tell.

Each collector is switched on by `--collector.<name>` and off by `--no-collector.<name>`. A request may ask for a part:
`?collect[]=<collector>` and `?name[]=<family>`, each as often as wanted, and together they add up. A
collector that does not run is refused.
"""
_OWN = """\
## The exporter itself

Besides these there are the usual `process_…` metrics of the exporter's process.
"""
_HEADER = ("Name", "Type", "Unit", "Labels", "Meaning", "Source")
_OWN_HEADER = ("Name", "Type", "Labels", "Meaning")
_SERIES = re.compile(r"(?P<name>\w+)(?:\{(?P<labels>.*)\})? \S+")
_LABEL = re.compile(r'(\w+)="(?:[^"\\]|\\.)*"')
_SUFFIXES = (
    ("_seconds", "seconds"),
    ("_bytes", "bytes"),
    ("_ratio", "ratio"),
    ("_periods", "periods"),
    ("_pages", "pages"),
)
_IN_WORDS = re.compile(r"\bin (bytes|seconds|microseconds)\b")
_OF_WORDS = re.compile(r"(?:\w+ )?(bytes|pages)\b", re.IGNORECASE)


def page(answers: Iterable[str]) -> str:
    """Return the whole page in Markdown; ``answers`` are exposed texts in which every family occurs."""
    labels = labels_of((*answers, _own()))
    parts = [_INTRODUCTION, *(_section(collector, labels) for collector in REGISTERED), _own_section(labels)]
    return "\n".join(parts)


def labels_of(answers: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Map each name of a series to the labels that any of its series has, in the order in which they occur."""
    found: dict[str, dict[str, None]] = {}
    for answer in answers:
        for line in answer.splitlines():
            series = None if line.startswith("#") else _SERIES.fullmatch(line)
            if series is not None:
                found.setdefault(series["name"], {}).update(dict.fromkeys(_LABEL.findall(series["labels"] or "")))
    return {name: tuple(labels) for name, labels in found.items()}


def split(explained: str) -> tuple[str, str]:
    """Divide a help text into what the metric is and where it comes from: the parentheses at its end."""
    depth = 0
    for place in range(len(explained) - 1, -1, -1):
        depth += (explained[place] == ")") - (explained[place] == "(")
        if depth == 0 and explained[place] == "(" and explained.endswith(")."):
            return f"{explained[:place].rstrip()}.", explained[place + 1 : -2]
    return explained, ""


def unit(family: Family) -> str:
    """Tell the unit by the name, as Prometheus wants it, or by the words of the help text; a dash for a plain number."""
    name = family.name.removesuffix("_total")
    for suffix, meant in _SUFFIXES:
        if name.endswith(suffix):
            return meant
    explained = split(family.help)[0]
    found = _IN_WORDS.search(explained) or _OF_WORDS.match(explained)
    return "-" if found is None else found[1].lower()


def _section(collector: Collector, labels: Mapping[str, tuple[str, ...]]) -> str:
    lines = [f"## `{collector.name}`", "", f"{collector.help}. {'On' if collector.is_default else 'Off'} by default.", ""]
    if collector.families:
        lines += _table(_HEADER, (_row(family, labels) for family in collector.families))
    if collector.adds_to:
        names = ", ".join(f"`{name}`" for name in sorted({family.name for family in collector.adds_to}))
        lines += [f"Adds series to {names}.", ""]
    return "\n".join(lines)


def _row(family: Family, labels: Mapping[str, tuple[str, ...]]) -> Sequence[str]:
    meaning, source = split(family.help)
    return (
        f"`{family.name}`",
        family.kind.value,
        "-" if family.kind is Kind.INFO else unit(family),
        _labels(labels.get(family.name, ())),
        _escaped(meaning),
        _escaped(source) or "-",
    )


def _labels(labels: Sequence[str]) -> str:
    more = [f"`{label}`" for label in labels if label not in SIX or not set(SIX) <= set(labels)]
    return ", ".join(["six", *more] if set(SIX) <= set(labels) else more) or "-"


def _own_section(labels: Mapping[str, tuple[str, ...]]) -> str:
    explained: dict[str, str] = {}
    rows = []
    for line in _own().splitlines():
        _, mark, name, text = (*line.split(" ", 3), "", "", "")[:4]
        if mark == "HELP":
            explained[name] = text
        elif mark == "TYPE" and not name.startswith("process_"):
            rows.append((f"`{name}`", text, _labels(labels.get(name, ())), _escaped(explained[name])))
    return "\n".join([_OWN, *_table(_OWN_HEADER, rows)])


def _own() -> str:
    """Let the exporter's own metrics speak as they do at work, with made up figures."""
    own = OwnMetrics("any")
    own.watch(lambda: 0.0, lambda: 1)
    own.web(lambda: True)
    own.duration_s.labels("any").set(0)
    own.count("any", Tally())
    return own.render(Format.TEXT).decode()


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for row in (header, ("---",) * len(header), *rows):
        yield f"| {' | '.join(row)} |"
    yield ""


def _escaped(text: str) -> str:
    """Keep Markdown from reading help texts as its own marks."""
    return re.sub(r"([|<*\[])", r"\\\1", text)


if __name__ == "__main__":
    sys.stdout.write(page(file.read_text(encoding="utf-8") for file in sorted(Path(sys.argv[1]).glob("*.text"))))
