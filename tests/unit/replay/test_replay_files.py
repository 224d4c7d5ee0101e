"""What a replay writes: rows, figures, JSON, HTML and picture; and the sample."""

import base64
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Self

import numpy as np
import pytest

from autoscaler.forecasting.types import Bools
from autoscaler.model import Floats
from autoscaler.replay import figures, report, sample
from autoscaler.replay.foresight import Foreseen, Question
from autoscaler.replay.play import Replayed, play
from autoscaler.replay.recorded import Recorded, Unusable
from autoscaler.replay.rows import rows
from autoscaler.replay.stage import Setting, Wanted, staged

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "replay" / "rows.csv"
PNG = b"\x89PNG\r\n\x1a\n"


class _Ahead:
    """Foresees a peak in some steps."""

    learns_at = sys.maxsize

    def __init__(self, question: Question) -> None:
        self.cut = question.cut

    def copy(self) -> Self:
        return self

    def block(self, seen: Floats, first: int, last: int, full: Bools | None = None) -> Foreseen:  # noqa: ARG002
        steps = np.arange(first, last) - self.cut
        is_open = (steps >= 245) & (steps < 255)
        peak, median, upper = np.where(is_open, 30.0, np.nan), np.full(steps.size, 20.0), np.full(steps.size, 25.0)
        return Foreseen(peak, is_open, median, upper, said="as it was told")


def replayed(values: object = None, name: str = "shop", **wanted: float) -> Replayed:
    load = [10, 10, 12, 14, 30, 12, 8, 0] * 30 if values is None else values
    recorded = Recorded(name, 1_767_225_600.0, 60.0, np.asarray(load, dtype=float), ("a note",))
    return play(staged(recorded, Wanted(**{"pod_capacity": 1.0, **wanted})), Setting(), _Ahead)


@pytest.fixture(scope="module")
def found() -> Replayed:
    return replayed()


def test_rows_are_as_they_always_were(found: Replayed) -> None:
    lines = list(rows(found.stage, found.foresail))
    assert len(lines) == 1 + found.stage.steps
    assert "".join(lines[:1] + lines[240:280]) == GOLDEN.read_text()


def test_the_load_of_a_row_is_in_its_own_unit() -> None:
    lines = list(rows((small := replayed(pod_capacity=0.25)).stage, small.foresail))
    assert lines[1].split(",")[:2] == ["2026-01-01T02:00:00Z", "10"]


def test_json_holds_the_figures_of_the_table_and_nothing_that_is_no_number(found: Replayed) -> None:
    content = json.loads(report.made(Path("a.json"), found))
    assert content["foresail"]["lost_bp"] == found.scores.foresail.lost_bp
    assert content["ratios"]["pod_hours"] == found.scores.foresail.pod_hours / found.scores.hpa.pod_hours
    assert content["minimum"]["pod_hours_over_minimum"] == 0
    assert (content["from"], content["scored_from"]) == ("2026-01-01T02:00:00Z", "2026-01-01T03:00:00Z")
    assert content["gate"] == {"open_ratio": 10 / found.stage.steps, "said": "as it was told"}


def test_a_load_of_zero_has_figures_and_a_picture_too() -> None:
    idle = replayed(np.zeros(240))
    assert "-" in figures.text(idle)
    assert json.loads(report.made(Path("a.json"), idle))["ratios"]["lost_bp"] is None
    assert report.made(Path("a.png"), idle).startswith(PNG)


def test_the_text_names_what_was_replayed_every_figure_and_the_gate(found: Replayed) -> None:
    text = figures.text(found)
    for words in ("shop: 0.1 days from 2026-01-01T02:00:00Z", "time overloaded", "load lost", "pod-hours over the minimum"):
        assert words in text
    for words in ("scale events", "clairvoyant minimum", "- a note", "at the end: as it was told", "target 70% of that"):
        assert words in text


class _Links(HTMLParser):
    """Collects what a page would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]


def test_a_page_is_whole_in_itself_and_runs_nothing(found: Replayed) -> None:
    text = report.made(Path("a.html"), found).decode()
    page = _Links()
    page.feed(text)
    (source,) = page.sources
    kind, _, content = source.partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(content).startswith(PNG)
    assert not page.tags & {"script", "link", "iframe"}
    assert not re.search(r"url\(|@import", text)
    assert "How to read this." in text


def test_names_of_others_are_no_commands_of_a_page() -> None:
    text = report.made(Path("a.html"), replayed(name="<script>alert(1)</script> $\\frac$")).decode()
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_the_same_replay_gives_the_same_bytes(found: Replayed) -> None:
    again = replayed()
    for name in ("a.json", "a.png", "a.html"):
        assert report.made(Path(name), found) == report.made(Path(name), again)


def test_a_report_of_another_kind_is_refused() -> None:
    with pytest.raises(Unusable, match=r"--report a.pdf: its name must end in .html, .png or .json"):
        report.check(Path("a.pdf"))


def test_the_sample_says_what_it_is_and_is_the_same_each_time() -> None:
    one = sample.generated()
    assert "generated, not measured" in one.name
    assert one.notes == ("the load is generated, not measured",)
    assert np.array_equal(one.values, sample.generated().values)
    assert not np.array_equal(one.values, sample.generated(seed=8).values)
    assert one.values.size == 21 * 1440
    assert (one.values > 0).all()


def test_the_sample_has_days_weekends_a_launch_and_bursts() -> None:
    days = sample.generated().values.reshape(21, 1440)
    means = days.mean(axis=1)
    assert means[5:7].max() < means[:5].min()
    assert means[16:19].mean() > 1.2 * means[:5].mean()
    assert days[:, 543].mean() > 1.5 * days[:, 538].mean()
