"""A part of the answer for who asks by name, and counting of answers that share a reading."""

from __future__ import annotations

import gzip

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporters.exposition.text import Format, accepts_gzip, choose
from tests.unit.exporters.trees import Host, Rig, samples


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("application/openmetrics-text;q=0.5,*/*", Format.TEXT),
        ("application/openmetrics-text,*/*", Format.OPENMETRICS),
        ("*/*;q=0.1,application/openmetrics-text;q=0.5", Format.OPENMETRICS),
        ("text/plain;version=1.0.0;escaping=allow-utf-8", Format.TEXT),
    ],
)
def test_whoever_takes_anything_rather_than_openmetrics_gets_text(accept: str, chosen: Format) -> None:
    assert choose(accept) is chosen


@pytest.mark.parametrize("header", ["*, gzip;q=0", "gzip;q=0, *", "gzip;q=0.000"])
def test_gzip_that_is_refused_by_name_is_not_let_in_by_the_star(header: str) -> None:
    assert not accepts_gzip(header)


@pytest.fixture
def rig(v2: Host) -> Rig:
    return Rig(v2)


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("container_memory_rss", "container_memory_rss"),
        ("container_cpu_usage_seconds_total", "container_cpu_usage_seconds"),
        ("container_cpu_usage_seconds", "container_cpu_usage_seconds"),
        ("container_memory_failcnt", None),
        ("foresail_exporter_containers", "foresail_exporter_containers"),
        ("foresail_exporter_collector_errors_total", "foresail_exporter_collector_errors"),
        ("process_cpu_seconds_total", "process_cpu_seconds"),
        ("", None),
        ("no_such_metric", None),
    ],
)
def test_only_what_is_named_is_answered_in_both_formats(rig: Rig, name: str, family: str | None) -> None:
    exposition = rig.collect()
    text = exposition.answer(Format.TEXT, compressed=False, names=(name,)).decode()
    openmetrics = exposition.answer(Format.OPENMETRICS, compressed=False, names=(name,)).decode()
    expected = [] if family is None else [family]
    assert [found.name for found in parse_text(text)] == expected
    assert [found.name for found in parse_openmetrics(openmetrics)] == expected


def test_several_names_can_be_asked_for_and_the_answer_compressed(rig: Rig) -> None:
    names = ("container_memory_rss", "foresail_exporter_containers")
    packed = rig.collect().answer(Format.TEXT, compressed=True, names=names)
    assert {found.name for found in parse_text(gzip.decompress(packed).decode())} == set(names)


def test_a_selection_changes_nothing_for_who_asks_for_all(rig: Rig) -> None:
    exposition = rig.collect()
    exposition.answer(Format.TEXT, compressed=False, names=("container_memory_rss",))
    assert len(samples(exposition.answer(Format.TEXT, compressed=False).decode())) > 100


def test_answers_beyond_the_first_of_one_reading_are_counted_as_shared(rig: Rig) -> None:
    exposition = rig.collect()
    for chosen in (Format.TEXT, Format.OPENMETRICS, Format.TEXT):
        exposition.answer(chosen, compressed=True)
    assert samples(rig.text())["foresail_exporter_scrapes_shared_total"] == 2
