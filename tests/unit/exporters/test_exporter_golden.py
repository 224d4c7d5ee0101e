"""Whole answers, compared with golden text and read back by Prometheus' own tools."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporters.collectors import REGISTERED
from exporters.exposition.text import Format
from tests.unit.exporters.trees import Rig, heard_summary, samples, unpack

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import Metric

    from exporters.names.book import PodBook

GOLDEN = Path(__file__).parents[2] / "golden" / "exporter"
PROMTOOL_CANNOT_PARSE = 1
HOSTS = ("v1", "hybrid", "v2", "mainframe")

hosts = pytest.mark.parametrize("name", HOSTS)


def rig_on(name: str, folder: Path, book: PodBook) -> Rig:
    """The v2 host runs with the API and asks its kubelet, the others do neither."""
    if name == "v2":
        return Rig(unpack(name, folder), book, summary=heard_summary())
    return Rig(unpack(name, folder))


def read_back(families: Iterable[Metric]) -> set[tuple[str, frozenset[tuple[str, str]], float]]:
    """The text parser gives every counter a ``_total``, also those of cAdvisor's that have none."""
    without = {f"{name}_total": name for name in ("container_memory_failcnt", "container_hugetlb_failcnt")}
    return {
        (without.get(one.name, one.name), frozenset(one.labels.items()), one.value)
        for family in families
        for one in family.samples
    }


@hosts
@pytest.mark.parametrize("chosen", list(Format), ids=lambda chosen: chosen.name.lower())
def test_a_host_gives_the_golden_answer(name: str, chosen: Format, tmp_path: Path, book: PodBook) -> None:
    answer = rig_on(name, tmp_path, book).containers_text(chosen)
    golden = GOLDEN / f"{name}.{chosen.name.lower()}"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(answer, encoding="utf-8")
    assert answer == golden.read_text(encoding="utf-8")


def test_the_golden_answers_show_every_family_of_every_collector(tmp_path: Path, book: PodBook) -> None:
    shown: set[str] = set()
    for name in HOSTS:
        answer = rig_on(name, tmp_path / name, book).containers_text()
        shown |= {line.split()[2] for line in answer.splitlines() if line.startswith("# TYPE")}
    assert shown == {family.name for collector in REGISTERED for family in collector.families}


@hosts
def test_prometheus_client_reads_both_formats_back_to_the_same_samples(name: str, tmp_path: Path, book: PodBook) -> None:
    rig = rig_on(name, tmp_path, book)
    text = rig.containers_text()
    from_text = read_back(parse_text(text))
    from_openmetrics = read_back(parse_openmetrics(rig.containers_text(Format.OPENMETRICS) + "# EOF\n"))
    assert from_text == from_openmetrics
    assert len(from_text) == len(samples(text))


@hosts
def test_the_whole_answer_with_the_exporters_own_metrics_is_valid_openmetrics(name: str, tmp_path: Path, book: PodBook) -> None:
    families = {family.name for family in parse_openmetrics(rig_on(name, tmp_path, book).text(Format.OPENMETRICS))}
    assert {"container_cpu_usage_seconds", "foresail_exporter_build", "foresail_exporter_containers"} <= families


@hosts
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on PATH (Debian package prometheus)")
def test_promtool_can_parse_the_answer(name: str, tmp_path: Path, book: PodBook) -> None:
    """Status 3 is its lint of names, which some of cAdvisor's do not pass; only a parse error (1) counts here."""
    text = rig_on(name, tmp_path, book).text()
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode != PROMTOOL_CANNOT_PARSE, done.stderr
    complaints = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith(("container_", "machine_"))]
    assert complaints == []


def test_a_compressed_answer_unpacks_to_the_plain_one(tmp_path: Path, book: PodBook) -> None:
    exposition = rig_on("v2", tmp_path, book).collect()
    packed = exposition.answer(Format.TEXT, compressed=True)
    plain = exposition.answer(Format.TEXT, compressed=False)
    own = b"# HELP foresail_exporter_"  # read anew for each answer
    assert gzip.decompress(packed).partition(own)[0] == plain.partition(own)[0]
    assert len(packed) < len(plain) / 5


def test_no_series_appears_twice(tmp_path: Path, book: PodBook) -> None:
    for name in HOSTS:
        lines = [
            line.rpartition(" ")[0]
            for line in rig_on(name, tmp_path / name, book).text().splitlines()
            if not line.startswith("#")
        ]
        assert len(lines) == len(set(lines))
