"""The benchmark of replays: each is measured beside the HPA alone, and what is absent is named."""

import gzip
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from bench.replay import SETTINGS, app


def test_every_way_to_replay_is_told_beside_the_bound(tmp_path: Path) -> None:
    begin = np.datetime64("2026-01-01T00:00:00")
    rows = "".join(f"{begin + np.timedelta64(5 * at, 'm')}Z,{100 + at % 7}\n" for at in range(288))
    (tmp_path / "short.csv.gz").write_bytes(gzip.compress(f"timestamp,value\n{rows}".encode()))
    said = CliRunner().invoke(app, ["--recordings", str(tmp_path)], env={"COLUMNS": "200"}).stdout
    assert "short" in said
    assert "5,760" in said
    assert said.count("x)") == len(SETTINGS)
    assert "CPU s, of 60 that it may" in said


def test_no_recordings_are_named(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["--recordings", str(tmp_path)])
    assert found.exit_code == 1
    assert str(tmp_path) in found.stderr
