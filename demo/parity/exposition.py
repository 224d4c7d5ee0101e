"""A scrape as it is compared: every series of one answer with its value, its moment and its kind."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

_FREE = ("image", "machine_id", "system_uuid")
"""Labels that a series is not told apart by; they are compared like values."""
_LINE = re.compile(r"(?P<key>[a-zA-Z_:][\w:]*(?:\{.*\})?) (?P<value>\S+)(?: (?P<at_ms>-?\d+))?")
_LABEL = re.compile(r'(?P<name>\w+)="(?P<value>(?:[^"\\]|\\.)*)",?')
_ESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}
_LONG_ID = re.compile(r"([0-9a-f]{7})[0-9a-f]{25,}")


@dataclass(frozen=True, slots=True)
class Series:
    """What tells one series from the others."""

    name: str
    labels: tuple[tuple[str, str], ...]
    """Ordered by name, without the free ones."""

    def __getitem__(self, label: str) -> str:
        """Return the value of a label; empty where there is none, as Prometheus has it."""
        return next((value for name, value in self.labels if name == label), "")

    def __str__(self) -> str:
        """Write it as a query would; what is empty is left out, and ids are cut short."""
        text = ", ".join(f'{name}="{value}"' for name, value in self.labels if value and name not in {"name", "namespace"})
        return _LONG_ID.sub(r"\1…", f"{self.name}{{{text}}}")


@dataclass(frozen=True, slots=True)
class Sample:
    """The value of a series in one scrape."""

    value: float
    free: tuple[str, ...]
    """The values of the free labels, empty where there is none."""
    at_s: float | None
    """When it was read, in seconds since 1970, where the source says so."""


_TOLD_OF_ENDED = "container_oom_events_total"


@dataclass(frozen=True)
class Scrape:
    """One answer, and between which moments it was made, in seconds since 1970."""

    samples: Mapping[Series, Sample]
    kinds: Mapping[str, str]
    """By name, as in its line `# TYPE`."""
    begun_s: float
    ended_s: float

    @cached_property
    def ids(self) -> frozenset[str]:
        """The cgroups that are there: of one that has ended no more than its kills are told for a while."""
        return frozenset(one["id"] for one in self.samples if one["id"] and one.name != _TOLD_OF_ENDED)


@dataclass(slots=True)
class Reader:
    """Reads answers in the text format 0.0.4; the labels of one series are read once, however many answers have it."""

    _known: dict[str, tuple[Series, tuple[str, ...]]] = field(default_factory=dict)

    def read(self, text: str, begun_s: float, ended_s: float) -> Scrape:
        """Read an answer; raises ValueError with the line that is none, or that says again what was said."""
        samples: dict[Series, Sample] = {}
        kinds: dict[str, str] = {}
        for line in text.splitlines():
            if line.startswith("#"):
                words = line.split(" ", 3)
                if words[1] == "TYPE":
                    kinds[words[2]] = words[3]
                continue
            found = _LINE.fullmatch(line)
            if found is None:
                raise ValueError(f"not a sample: {line[:200]}")
            series, free = self._series(found["key"])
            if series in samples:
                raise ValueError(f"{series} is told twice")
            at_s = None if found["at_ms"] is None else int(found["at_ms"]) / 1000
            samples[series] = Sample(float(found["value"]), free, at_s)
        return Scrape(samples, kinds, begun_s, ended_s)

    def _series(self, key: str) -> tuple[Series, tuple[str, ...]]:
        if key not in self._known:
            name, _, rest = key.partition("{")
            labels = {one["name"]: _unescaped(one["value"]) for one in _LABEL.finditer(rest)}
            free = tuple(labels.pop(label, "") for label in _FREE)
            self._known[key] = Series(name, tuple(sorted(labels.items()))), free
        return self._known[key]


def about_containers(scrape: Scrape) -> Iterator[Series]:
    """Yield the series that a kubelet's exposition is made of: of containers and of the machine."""
    return (series for series in scrape.samples if series.name.startswith(("container_", "machine_", "cadvisor_")))


def _unescaped(text: str) -> str:
    return re.sub(r"\\.", lambda found: _ESCAPED.get(found[0], found[0]), text)
