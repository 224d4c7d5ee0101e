"""Holds docs/exporter-discovery.md to the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from exporters.cgroup import files, walk
from exporters.cgroup.identity import PLAIN, identify
from exporters.collectors import network
from exporters.exposition import budget
from exporters.settings import Web
from exporters.shared import Times
from tests.unit.exporters.trees import Rig

if TYPE_CHECKING:
    from tests.unit.exporters.trees import Host

PAGE = (Path(__file__).parents[3] / "docs" / "exporter-discovery.md").read_text(encoding="utf-8")


def test_the_numbers_on_the_page_are_those_of_the_code() -> None:
    words = " ".join(PAGE.split())
    assert f"more than {walk.MAX_CGROUPS:,} cgroups or {walk.MAX_FOLDERS:,} folders" in words
    assert f"at {walk.MAX_CGROUPS_OF_USERS:,} cgroups or {walk.MAX_FOLDERS_OF_USERS:,} folders" in words
    assert f"{1024 - files.budget_of(1024)} less than the limit of open files" in PAGE
    assert f"and {files.MAX_KEPT:,} at most" in PAGE
    assert budget.reading_s(5) == 4, "the page says four fifths"
    assert f"of {budget.DEFAULT_TIMEOUT_S:.0f} seconds if nothing is said" in PAGE
    assert f"of {budget.SHORTEST_TIMEOUT_S:.0f} to {budget.LONGEST_TIMEOUT_S:.0f} seconds in any case" in PAGE
    assert f"runs {Times().not_ready_s:.0f} seconds longer than its time" in PAGE
    assert f"after {Times().not_healthy_s:.0f} seconds `/healthz`" in PAGE
    assert Times().reuse_s == Web().reuse_s == 0.5, "the page says half a second"


def test_every_interface_that_is_left_out_is_on_the_page() -> None:
    for name in (*network._LEFT_OUT, *network._OF_PODS):
        assert f"`{name}…`" in PAGE or f"`{name}`" in PAGE


def test_the_expression_on_the_page_matches_services(v2: Host) -> None:
    (expression,) = re.findall(r"expression is `([^`]+)`", PAGE)
    assert identify("/system.slice/ssh.service", re.compile(expression)) == PLAIN
    assert "/system.slice/ssh.service" in Rig(v2, include=expression).text()


def test_every_metric_of_the_exporter_that_is_named_exists(v2: Host) -> None:
    answer = Rig(v2).text()
    named = set(re.findall(r"`((?:foresail_exporter|container)_[a-z_]+)`", PAGE))
    assert len(named) > 5
    assert [name for name in sorted(named) if f"\n# TYPE {name} " not in answer] == []
