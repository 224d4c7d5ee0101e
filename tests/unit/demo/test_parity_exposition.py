"""Reading an answer of the kubelet or of the exporter."""

import pytest

from demo.parity.exposition import Reader, Series, about_containers

TEXT = """\
# HELP container_threads Tasks.
# TYPE container_threads gauge
container_threads{container="a",id="/kubepods/x",image="i:1"} 3 1795263701310
container_threads{container="",id="/",image=""} 7
# HELP go_threads Not of containers.
# TYPE go_threads gauge
go_threads 12
"""


def test_a_series_is_told_by_its_labels_without_the_image() -> None:
    scrape = Reader().read(TEXT, 1.0, 2.0)
    series = Series("container_threads", (("container", "a"), ("id", "/kubepods/x")))
    sample = scrape.samples[series]
    assert (sample.value, sample.free[0], sample.at_s) == (3, "i:1", 1795263701.310)
    assert scrape.kinds["container_threads"] == "gauge"
    assert scrape.ids == {"/", "/kubepods/x"}


def test_only_what_is_about_containers_and_the_machine_is_compared() -> None:
    assert {series.name for series in about_containers(Reader().read(TEXT, 1.0, 2.0))} == {"container_threads"}


def test_what_is_escaped_is_read_as_it_was_meant() -> None:
    line = 'container_threads{container="a\\"b\\\\n\\nc, d=\\"e",id="/"} 1\n'
    (series,) = Reader().read(line, 0, 0).samples
    assert series["container"] == 'a"b\\n\nc, d="e'


def test_a_series_that_is_told_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="is told twice"):
        Reader().read('container_threads{id="/"} 1\ncontainer_threads{id="/",image="x"} 2\n', 0, 0)


def test_what_is_no_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="not a sample: what is this"):
        Reader().read("what is this\n", 0, 0)


def test_ids_are_cut_short_for_reading() -> None:
    series = Series("container_threads", (("id", "/kubepods/pod" + "ab" * 16), ("name", "c" * 64)))
    assert str(series) == 'container_threads{id="/kubepods/podababab…"}'
