"""The files that the chart ships are those that the code makes."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from dashboards.build import CHART_FILES, app, files, outdated


def test_the_files_of_the_chart_are_up_to_date() -> None:
    assert outdated(CHART_FILES) == [], "run `make generate`"


def test_two_runs_make_the_same_files() -> None:
    assert files() == files()


def test_check_fails_and_names_what_is_old_missing_or_no_longer_made(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["--out", str(tmp_path)]).exit_code == 0
    (tmp_path / "rules" / "gone.yaml").write_text("groups: []\n")
    (tmp_path / "rules" / "foresail.yaml").write_text("groups: []\n")
    (tmp_path / "dashboards" / "foresail-workload.json").unlink()

    result = CliRunner().invoke(app, ["--out", str(tmp_path), "--check"])

    assert result.exit_code == 1
    for name in ("rules/gone.yaml", "rules/foresail.yaml", "dashboards/foresail-workload.json", "make generate"):
        assert name in result.output


@pytest.mark.parametrize("before", [{}, {"rules/gone.yaml": "groups: []\n"}, {"rules/foresail.yaml": "old\n"}])
def test_a_run_brings_any_folder_up_to_date(tmp_path: Path, before: dict[str, str]) -> None:
    for name, text in before.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    CliRunner().invoke(app, ["--out", str(tmp_path)])

    assert outdated(tmp_path) == []
