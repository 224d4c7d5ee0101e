"""The recipe in docs/add-a-forecaster.md, carried out."""

import inspect
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from autoscaler.forecasting import choice
from autoscaler.forecasting.forecasters import CANDIDATES, FORECASTERS
from autoscaler.forecasting.types import Forecaster
from tests.conformance.forecasters import test_forecaster_conformance as conformance

PAGE = Path(__file__).resolve().parents[3] / "docs" / "add-a-forecaster.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
ARGUMENTS = {"season": 13.5, "poison": 1e6, "level": 0.3}
OF_THE_LIST = ("test_its_name_is_a_word_of_its_own", "test_its_error_on_a_recorded_day_stays_below_its_ceiling")
RULES = [
    rule for name, rule in vars(conformance).items() if name.startswith("test_") and callable(rule) and name not in OF_THE_LIST
]


@pytest.fixture
def straight_line(monkeypatch: pytest.MonkeyPatch) -> Forecaster:
    module = ModuleType("straight_line")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # a dataclass looks its module up
    exec(BLOCKS[0], vars(module))  # noqa: S102 - the page is ours
    forecaster: Forecaster = module.StraightLine()
    return forecaster


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_example_keeps_every_rule(straight_line: Forecaster, rule: object) -> None:
    wanted = inspect.signature(rule).parameters
    rule(**{"forecaster": straight_line} | {name: value for name, value in ARGUMENTS.items() if name in wanted})


def test_the_example_goes_straight_on(straight_line: Forecaster) -> None:
    values, steps = np.arange(40.0), np.arange(1, 9)
    path = straight_line.fit(values, conformance.Task(10.0, 6)).paths(values, np.array([30]), steps)
    np.testing.assert_allclose(path[0], 30.0 + steps)


def test_what_the_page_shows_of_the_lists_is_there() -> None:
    shown = re.findall(r"(\w+)\(\)", BLOCKS[1])
    assert BLOCKS[1].startswith("CANDIDATES: tuple[Forecaster, ...] = (")
    assert set(shown) - {"StraightLine"} <= {type(one).__name__ for one in CANDIDATES}
    limits = dict(re.findall(r'"(\w+)": ([\d.]+)', BLOCKS[2]))
    assert limits.pop("straight_line")
    assert {name: float(limit) for name, limit in limits.items()}.items() <= conformance.CEILINGS.items()
    assert set(conformance.CEILINGS) == {one.name for one in FORECASTERS}


def test_the_last_snippet_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert "choose(" in BLOCKS[3]
    values = np.tile(2 + np.sin(np.arange(1440) * 2 * np.pi / 1440), 4)
    exec(BLOCKS[3], {"values": values})  # noqa: S102 - the page is ours
    assert capsys.readouterr().out.split()[0] in {one.name for one in CANDIDATES}
    assert choice.choose.__name__ in BLOCKS[3]
