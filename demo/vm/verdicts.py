"""What the machine brought back, compared: every scrape of the kubelet with the exporter's around it."""

import json
from dataclasses import dataclass
from pathlib import Path

from demo.parity.compare import Terms, Verdict, compare
from demo.parity.differences import Difference, in_force
from demo.parity.exposition import Reader, Scrape, Series
from demo.vm.pods import RESTLESS


@dataclass(frozen=True, slots=True)
class Scrapes:
    """All answers of one run, in order of time."""

    kubelet: list[Scrape]
    exporter: list[Scrape]
    everything: list[Scrape]
    """Of the exporter that runs every collector."""


def load(folder: Path) -> Scrapes:
    """Read the folder that a run was unpacked into."""
    reader = Reader()
    found = Scrapes([], [], [])
    for entry in json.loads((folder / "scrapes" / "index.json").read_text(encoding="utf-8")):
        text = (folder / "scrapes" / entry["file"]).read_text(encoding="utf-8")
        getattr(found, entry["source"]).append(reader.read(text, entry["begun_s"], entry["ended_s"]))
    return found


def rows(kernel: str, version: int = 2) -> list[Difference]:
    """Return the differences in force on a kernel, such as `6.1.0-56-cloud-amd64`, with a version of cgroups."""
    major, minor = (int(part) for part in kernel.split(".")[:2])
    return in_force(version, (major, minor))


def judge(scrapes: Scrapes, kernel: str, version: int = 2) -> list[Verdict]:
    """Compare each scrape of the kubelet."""
    terms = Terms(rows(kernel, version), is_steady=is_steady)
    return [compare(scrapes.kubelet, scrapes.exporter, number, terms) for number in range(len(scrapes.kubelet))]


def is_steady(series: Series) -> bool:
    """Say whether a cgroup holds none of the containers that are ended for their memory again and again."""
    holds_them = not series["pod"] and series["id"] in {"/", "/kubepods", "/kubepods/burstable"}
    return not holds_them and series["pod"] != f"{RESTLESS}-node1"
