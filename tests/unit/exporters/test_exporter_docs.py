"""Carries out docs/add-a-collector.md."""

from __future__ import annotations

import re
import types
from pathlib import Path
from typing import TYPE_CHECKING

from exporters.collectors import REGISTERED
from tests.unit.exporters.trees import Host, Rig

if TYPE_CHECKING:
    from exporters.names.book import PodBook

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "add-a-collector.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_the_example_collector_gives_the_lines_that_the_page_promises(v2: Host, book: PodBook) -> None:
    (code,) = blocks("python")
    fixture, promised = blocks("text")
    directive, _, content = fixture.partition("\n")
    v2.write(directive.removeprefix("-- "), content)
    module = types.ModuleType("swap_events")
    exec(compile(code, "docs/add-a-collector.md", "exec"), vars(module))  # noqa: S102 - the page is the test

    before = Rig(v2, book).containers_text().splitlines()
    after = Rig(v2, book, collectors=(*REGISTERED, module.COLLECTOR)).containers_text().splitlines()

    assert [line for line in after if line not in before] == promised.splitlines()


def test_every_file_and_command_on_the_page_exists() -> None:
    named = set(re.findall(r"`((?:exporters|tests|docs)/[\w./-]+)`", PAGE)) - {"exporters/collectors/swap_events.py"}
    assert len(named) > 5
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
