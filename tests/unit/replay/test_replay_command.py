"""The command `foresail replay` as it is typed."""

import csv
import json
import resource
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from autoscaler.cli import app


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["replay", *arguments])
    return result.exit_code, result.output


@pytest.fixture
def load(tmp_path: Path) -> str:
    path = tmp_path / "load.csv"
    values = np.tile([10, 10, 12, 14, 30, 12, 8, 1], 60)
    path.write_text("timestamp,value\n" + "".join(f"{1_767_225_600 + 60 * at},{one}\n" for at, one in enumerate(values)))
    return str(path)


def test_a_file_is_replayed_and_both_files_are_written(tmp_path: Path, load: str) -> None:
    out, page, figures = tmp_path / "rows.csv", tmp_path / "a.html", tmp_path / "a.json"
    code, text = run("--csv", load, "--pod-capacity", "1", "--out", str(out), "--report", str(page), "--report", str(figures))
    assert code == 0
    assert "load lost" in text
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert len(rows) == 4 * 480 // 2
    assert page.read_text().startswith("<!doctype html>")
    scored = json.loads(figures.read_text())
    desired = np.array([int(row["desired"]) for row in rows])
    assert scored["foresail"]["pod_hours"] == desired[240:].sum() * 15 / 3600


def test_everything_before_the_cut_only_trains(tmp_path: Path, load: str) -> None:
    out = tmp_path / "rows.csv"
    assert run("--csv", load, "--evaluate-from", "2026-01-01T06:00:00Z", "--out", str(out))[0] == 0
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert (rows[0]["timestamp"], len(rows)) == ("2026-01-01T06:00:00Z", 4 * 120)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give --csv FILE or --prometheus URL, or --sample"),
        (("--csv", "x.csv", "--sample"), "--csv and --sample: give one of them"),
        (("--csv", "nowhere.csv"), "--csv nowhere.csv: cannot be read: No such file"),
        (("--sample", "--target", "0"), "--target 0: must be between"),
        (("--sample", "--target", "nan"), "--target nan: must be between"),
        (("--sample", "--start-seconds", "-1"), "--start-seconds -1: must be between"),
        (("--sample", "--risk", "1"), "--risk 1: must be between"),
        (("--sample", "--min", "0"), "--min 0: must be between 1"),
        (("--sample", "--min", "5", "--max", "4"), "--max 4: must be between 5"),
        (("--sample", "--pod-capacity", "0"), "--pod-capacity 0: must be between"),
        (("--sample", "--history", "0"), "--history 0: must be between"),
        (("--sample", "--policy", "bold"), "--policy bold: must be conservative or earned"),
        (("--sample", "--evaluate-from", "soon"), "--evaluate-from: 'soon' is no time"),
        (("--sample", "--evaluate-from", "2031-01-01"), "--evaluate-from: sample (generated, not measured) ends at"),
        (
            ("--sample", "--time-zone", "Europe/Berlni"),
            "--time-zone: must be the IANA name of a time zone",
        ),
        (("--sample", "--holidays", "DX"), "--holidays DX: must be the ISO 3166-1 code of a country"),
        (("--sample", "--holidays", "de"), "--holidays de: must be in capital letters: DE"),
        (("--sample", "--holidays", "DE", "--holidays", "DE-XX"), "--holidays DE-XX: must be the code of a part of DE: BB, BE"),
        (("--sample", "--holidays", "24.12."), "--holidays 24.12.: must be a country such as DE, a part of one such as DE-BY"),
        (
            ("--sample", "--holidays", "nowhere.ics"),
            "--holidays nowhere.ics: calendar nowhere could not be read",
        ),
        (("--sample", "--schedule", "0 9 1 * *"), "--schedule 0 9 1 * *: must be a cron line and, behind it, for how many"),
        (("--sample", "--schedule", "0 9 31 2 * 3600"), "--schedule 0 9 31 2 * 3600: the cron line before the length"),
        (("--sample", "--report", "x.pdf"), "--report x.pdf: its name must end in"),
        (("--sample", "--out", "nowhere/x.csv"), "--out nowhere/x.csv: there is no folder"),
    ],
)
def test_a_wrong_option_is_named_in_a_sentence(
    arguments: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    code, text = run(*arguments)
    assert code == 2
    assert text.startswith("foresail: ")
    assert said in text


def test_what_is_known_of_the_calendar_is_told(load: str, tmp_path: Path) -> None:
    (tmp_path / "company.txt").write_text("2026-01-02  # a bridge\n")
    figures = tmp_path / "figures.json"
    known = ("--time-zone", "Europe/Berlin", "--holidays", "DE", "--holidays", str(tmp_path / "company.txt"))
    code, text = run("--csv", load, *known, "--schedule", "0 9 * * 2 3600", "--report", str(figures))
    assert code == 0
    assert "forecasts knew the clocks of Europe/Berlin, " in text
    assert "the schedule 0 9 * * 2 3600" in text
    setting = json.loads(figures.read_text())["setting"]
    assert setting["time_zone"] == "Europe/Berlin"
    assert {"2026-01-01", "2026-01-02", "2025-12-25"} <= set(setting["holidays"])
    assert "forecasts knew" not in run("--csv", load)[1]


def test_a_file_that_cannot_be_written_is_named(load: str, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").mkdir()
    code, text = run("--csv", load, "--out", str(tmp_path / "rows.csv"))
    assert code == 2
    assert "rows.csv: is a folder; name a file" in text


def test_what_was_there_stays_where_the_new_file_cannot_be_written_and_the_others_are(load: str, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    rows, figures = folder / "rows.csv", tmp_path / "figures.json"
    rows.write_text("older rows")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16 << 10, limit[1]))  # rows are more, figures are less
    try:
        code, text = run("--csv", load, "--out", str(rows), "--report", str(figures))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    assert code == 2
    assert "rows.csv: cannot be written: File too large" in text
    assert rows.read_text() == "older rows"
    assert [one.name for one in folder.iterdir()] == ["rows.csv"]
    assert json.loads(figures.read_text())


def test_a_link_stays_a_link_and_a_file_keeps_its_rights(load: str, tmp_path: Path) -> None:
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.write_text("older rows")
    real.chmod(0o600)
    link.symlink_to(real)
    assert run("--csv", load, "--out", str(link))[0] == 0
    assert link.is_symlink()
    assert real.read_text().startswith("timestamp,")
    assert real.stat().st_mode & 0o777 == 0o600


def test_a_link_that_leads_nowhere_is_named(load: str, tmp_path: Path) -> None:
    loop = tmp_path / "rows.csv"
    loop.symlink_to(loop)
    code, text = run("--csv", load, "--out", str(loop))
    assert code == 2
    assert "rows.csv: leads nowhere" in text


def test_rows_may_go_to_what_is_no_file(load: str) -> None:
    assert run("--csv", load, "--out", "/dev/null")[0] == 0


def test_what_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in sys.modules if one.startswith(("autoscaler.replay", "autoscaler.commands"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "numpy", None)
    code, text = run("--sample")
    assert code == 1
    assert "needs the Python package numpy" in text
    assert "pip install '.[replay]'" in text


def test_nothing_is_written_over_what_is_read_or_written_already(load: str, tmp_path: Path) -> None:
    before = Path(load).read_bytes()
    code, text = run("--csv", load, "--out", load)
    assert code == 2
    assert "would be written over it" in text
    assert Path(load).read_bytes() == before
    both = str(tmp_path / "both.html")
    assert run("--csv", load, "--out", both, "--report", both)[0] == 2


def test_a_time_before_any_calendar_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("timestamp,value\n-90000000000,1\n-89999999940,2\n")
    code, text = run("--csv", str(tmp_path / "old.csv"))
    assert code == 2
    assert "is no time" in text
