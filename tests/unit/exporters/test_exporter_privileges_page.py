"""Holds docs/exporter-privileges.md, the one list of what takes rights, to the code."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from exporters.cli import _parser
from exporters.collectors import REGISTERED
from exporters.exposition.own import OwnMetrics
from exporters.exposition.text import Format

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "exporter-privileges.md").read_text(encoding="utf-8")


def test_every_metric_and_flag_on_the_page_exists() -> None:
    families = {family.name for collector in REGISTERED for family in collector.families}
    own = OwnMetrics("any").render(Format.TEXT).decode()
    named = set(re.findall(r"`((?:container|foresail|machine)_[a-z_]+)(?=[`{])", PAGE)) - {"machine_id"}
    assert len(named) > 10
    assert [name for name in sorted(named - families) if f"# TYPE {name} " not in own] == []
    flags = set(re.findall(r"`(--[a-z.-]+)`", PAGE))
    assert {"--collector.sockets", "--collector.volumes", "--path.machine-id"} <= flags <= set(_parser()._option_string_actions)


def test_every_value_of_the_chart_on_the_page_exists() -> None:
    values = yaml.safe_load((ROOT / "helm" / "foresail" / "values.yaml").read_text(encoding="utf-8"))
    named = re.findall(r"`exporter\.(\w+)`", PAGE)
    assert named
    assert set(named) <= values["exporter"].keys()


def test_the_readme_and_the_page_on_differences_lead_to_it() -> None:
    assert "(docs/exporter-privileges.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "(exporter-privileges.md)" in (ROOT / "docs" / "exporter-parity.md").read_text(encoding="utf-8")
