"""What docs/add-a-forecaster.md names is there."""

import re
from pathlib import Path

import pytest

from autoscaler.forecasting.peaks import boldness, columns, sources
from autoscaler.replay import foresight, play

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "add-a-forecaster.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(set(re.findall(r"(?:autoscaler|tests)/[\w/]+(?:\.py)?", PAGE))))
def test_a_path_that_is_named_is_there(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize(
    ("module", "names"),
    [
        (sources, ["Source", "TOLD", "rises"]),
        (boldness, ["Rung", "LADDER", "EARNED"]),
        (columns, ["day_highest", "Look"]),
        (foresight, ["Foresight"]),
        (play, ["play"]),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_a_name_that_is_given_is_there(module: object, names: list[str]) -> None:
    for name in names:
        assert f"`{name}" in PAGE
        assert hasattr(module, name)
