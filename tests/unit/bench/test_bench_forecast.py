"""The comparison as a whole: which recordings it takes, and what it prints."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from bench import forecast, recordings, tables
from bench.score import bars
from bench.trial import ALL, RETUNED, means, tried
from bench.ways import EARNED, OURS

DAY_S = 86_400


def a_file(folder: Path, name: str, step_s: int, days: float = 4.0) -> None:
    count = round(days * DAY_S / step_s)
    at = np.datetime64("2026-01-01T00:00:00") + np.arange(count) * np.timedelta64(step_s, "s")
    phase = np.arange(count) * step_s % DAY_S / DAY_S
    values = 100 + 80 * np.sin(2 * np.pi * phase) + 60 * (phase > 0.7)
    rows = "".join(f"{time}Z,{value:.6g}\n" for time, value in zip(at, values, strict=True))
    (folder / f"{name}.csv.gz").write_bytes(gzip.compress(f"timestamp,value\n{rows}".encode()))


def test_it_takes_what_is_recorded_every_five_minutes_or_finer_the_finest_first(tmp_path: Path) -> None:
    for name, step_s in (("a_hourly", 3600), ("b_five", 300), ("c_six", 360), ("d_one", 60)):
        a_file(tmp_path, name, step_s)
    assert recordings.names(tmp_path) == ["d_one", "b_five"]


def test_a_recording_is_its_last_21_days_with_the_99_9_quantile_at_40_pods(tmp_path: Path) -> None:
    a_file(tmp_path, "long", 300, days=30.0)
    found = recordings.read("long", tmp_path)
    assert found.samples.size == 21 * 288
    assert found.stage.load.size == 20 * found.samples.size == 2 * found.stage.cut
    assert np.quantile(found.samples, 0.999) == pytest.approx(40.0)


def test_without_recordings_it_says_where_they_belong(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="beside the checkout"):
        recordings.names(tmp_path)


def test_they_are_chosen_by_words_in_their_names() -> None:
    known = ["crane09_online", "nab_elb", "crane06_late"]
    assert recordings.chosen(known, ()) == known
    assert recordings.chosen(known, ("crane", "elb")) == known
    assert recordings.chosen(known, ("crane06",)) == ["crane06_late"]
    with pytest.raises(LookupError, match="azure: no recording is called so; there are crane09_online"):
        recordings.chosen(known, ("azure",))


def test_the_tables_have_a_row_for_each_way_and_a_column_for_each_step(tmp_path: Path) -> None:
    a_file(tmp_path, "five", 300)
    a_file(tmp_path, "two", 120)
    trials = [tried(recordings.read(name, tmp_path)) for name in recordings.names(tmp_path)]
    found = means(trials)
    assert list(found) == ["2 min", "5 min", ALL]
    names = [
        "HPA",
        RETUNED,
        "straight line",
        "seasonal-naive",
        "Holt-Winters",
        "naive model",
        OURS,
        EARNED,
        "perfect foresight",
        "perfect foresight, lean",
    ]
    assert list(found[ALL]) == list(trials[0].judged) == names
    assert found[ALL]["HPA"].front == found[ALL][RETUNED].front == pytest.approx(1.0)
    assert found[ALL]["perfect foresight"].lost_ratio <= found[ALL][OURS].lost_ratio
    assert found[ALL]["perfect foresight, lean"].pod_ratio < 0.8
    console = Console(width=140)
    with console.capture() as shown:
        console.print(tables.of_series(trials[0]), tables.of_means(found, trials))
        console.print(tables.of_bars(bars(found[ALL][OURS], 1.0, found[ALL][EARNED]), ""))
    assert all(shown.get().count(name) >= 2 for name in names)
    assert "…" not in shown.get()


def test_it_says_in_a_word_why_it_cannot_begin(tmp_path: Path) -> None:
    nothing = CliRunner().invoke(forecast.app, ["--recordings", str(tmp_path)])
    a_file(tmp_path, "five", 300)
    unknown = CliRunner().invoke(forecast.app, ["--recordings", str(tmp_path), "--series", "six"])
    assert (nothing.exit_code, unknown.exit_code) == (1, 1)
    assert "beside the checkout" in nothing.output
    assert "six: no recording is called so; there are five" in unknown.output


def test_it_prints_and_writes_what_it_measured(tmp_path: Path) -> None:
    a_file(tmp_path, "five", 300)
    where = ["--recordings", str(tmp_path), "--json", str(tmp_path / "out.json")]
    done = CliRunner().invoke(forecast.app, ["--series", "five", *where])
    assert done.exit_code == 0, done.output
    assert "Bars, over 1 of 1 series" in done.output
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["series"][0]["name"] == "five"
    assert set(written["means"]) == {"5 min", ALL}
    assert {one["is_met"] for one in written["bars"]} <= {True, False}
