"""The two pages on metrics say what the code does: docs/exporter-metrics.md and docs/exporter-parity.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from exporters.collectors import REGISTERED
from exporters.collectors.contract import Family, Kind
from exporters.metrics_table import SIX, labels_of, page, split, unit
from tests.unit.exporters.trees import FIXTURES

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden" / "exporter"
REMEDY = "run: python -m exporters.metrics_table tests/golden/exporter > docs/exporter-metrics.md"
MACHINE = ("machine_id", "system_uuid", "boot_id")
ROW = re.compile(r"^\| `(?P<name>\w+)` \| (?P<status>\w+) \| (?P<why>.*?) ?\|$", re.MULTILINE)
OURS = {family.name: family for collector in REGISTERED for family in collector.families}


@dataclass(frozen=True)
class Told:
    """A family as the kubelet tells it."""

    kind: str
    labels: frozenset[str]


def kubelet() -> dict[str, Told]:
    """Read the recorded list of the kubelet's families."""
    found = {}
    for line in (FIXTURES / "kubelet-1.36.3.families").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            name, kind, labels = (*line.split(), "")[:3]
            found[name] = Told(kind, frozenset(labels.split(",")) - {""})
    return found


def parity() -> dict[str, tuple[str, str]]:
    """Read the page: the status of each family, and why."""
    text = (ROOT / "docs" / "exporter-parity.md").read_text(encoding="utf-8")
    return {row["name"]: (row["status"], row["why"]) for row in ROW.finditer(text)}


def answers() -> list[str]:
    return [file.read_text(encoding="utf-8") for file in sorted(GOLDEN.glob("*.text"))]


def test_the_table_of_metrics_is_what_the_code_says() -> None:
    assert page(answers()) == (ROOT / "docs" / "exporter-metrics.md").read_text(encoding="utf-8"), REMEDY


@pytest.mark.parametrize("family", OURS.values(), ids=OURS.keys())
def test_every_metric_says_where_it_comes_from_and_shows_its_labels(family: Family) -> None:
    assert split(family.help)[1], "end the help text with the files that it comes from, in parentheses and with a full stop"
    assert family.name in labels_of(answers()), "no golden answer has a series of it"


@pytest.mark.parametrize("family", OURS.values(), ids=OURS.keys())
def test_a_name_and_its_help_text_do_not_tell_different_units(family: Family) -> None:
    by_words = unit(Family("nameless", family.kind, family.help))
    assert by_words in {"-", "pages", unit(family)}
    if family.name.endswith("_total") and family.name not in kubelet():
        assert family.kind in {Kind.COUNTER, Kind.GAUGE}


def test_the_page_has_a_row_for_every_metric_of_the_kubelet_and_no_other() -> None:
    assert set(parity()) == set(kubelet())


@pytest.mark.parametrize("name", kubelet())
def test_every_metric_of_the_kubelet_is_told_or_the_page_says_why_not(name: str) -> None:
    status, why = parity()[name]
    assert status in {"same", "differs", "absent"}
    assert bool(why) == (status != "same")
    assert (name in OURS) == (status != "absent")


@pytest.mark.parametrize("name", sorted(set(kubelet()) & set(OURS)))
def test_what_is_told_has_the_kubelets_type_and_labels(name: str) -> None:
    told = kubelet()[name]
    common = () if name.endswith("scrape_error") else MACHINE if name.startswith("machine_") else SIX
    assert OURS[name].kind.value == told.kind
    assert set(labels_of(answers())[name]) == told.labels | set(common)


@pytest.mark.parametrize(
    ("explained", "expected"),
    [
        ("What it is (a file).", ("What it is.", "a file")),
        ("What (so to say) it is (v1 x * (a - b), v2 y).", ("What (so to say) it is.", "v1 x * (a - b), v2 y")),
        ("Nothing behind.", ("Nothing behind.", "")),
        ("Not at (the end) of it.", ("Not at (the end) of it.", "")),
        ("", ("", "")),
    ],
)
def test_the_source_is_what_stands_in_parentheses_at_the_end(explained: str, expected: tuple[str, str]) -> None:
    assert split(explained) == expected


def test_labels_are_read_from_series_whatever_their_values_hold() -> None:
    text = '# HELP a b\na{x="1",y="},z=\\"3"} 2\na{w=""} 1\nb 7\n'
    assert labels_of([text]) == {"a": ("x", "y", "w"), "b": ()}
