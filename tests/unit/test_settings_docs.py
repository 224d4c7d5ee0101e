from pathlib import Path

from autoscaler.settings_file import leaves
from autoscaler.settings_table import markdown, rows

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_documentation_holds_the_table_that_the_program_prints() -> None:
    assert markdown() in DOCS.read_text(encoding="utf-8"), "docs/settings.md is old; `foresail settings` prints the new table"


def test_every_setting_has_a_sentence() -> None:
    said = list(rows())
    assert len(said) == len(list(leaves()))
    assert all(len(row[-1]) > 8 for row in said)
