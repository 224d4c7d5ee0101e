"""The page about decisions names every limit that the code writes, and none that it does not.

Names are made in a few places, some of parts. They are read out of the source: a name that no test happens to meet counts too.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from autoscaler.scaling.types import Source

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "explain.md").read_text(encoding="utf-8")
MADE_OF_AN_ASKER = "draft.py"  # `Draft.moved` makes a limit of who asks, which its callers name


def column(heading: str) -> list[str]:
    """Return the names in the first column of the table under a heading."""
    part = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


class Module:
    """A module of the source, in which an expression can be followed to the texts that it may be."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tree = ast.parse(path.read_text(encoding="utf-8"))

    def limits(self) -> Iterator[str]:
        """Yield a pattern for each name that a limit of this module may have."""
        for call in self.calls():
            if isinstance(call.func, ast.Name) and call.func.id == "Limit" and self.path.name != MADE_OF_AN_ASKER:
                yield from self.texts(call.args[0])
            elif isinstance(call.func, ast.Attribute) and call.func.attr == "moved" and len(call.args) > 3:
                asker = call.args[3]
                if isinstance(asker, ast.Constant):  # else it is another `moved`
                    yield re.escape(str(asker.value).removeprefix("the "))

    def calls(self) -> Iterator[ast.Call]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.Call))

    def texts(self, node: ast.expr, index: int | None = None) -> Iterator[str]:
        """Yield a pattern for each text that an expression, or the item of a tuple, may be."""
        match node:
            case ast.Constant(value=str(text)):
                yield re.escape(text)
            case ast.JoinedStr(values=parts):
                yield "".join(re.escape(str(one.value)) if isinstance(one, ast.Constant) else ".+" for one in parts)
            case ast.IfExp(body=one, orelse=other):
                yield from (*self.texts(one, index), *self.texts(other, index))
            case ast.Tuple(elts=items) if index is not None:
                yield from self.texts(items[index])
            case ast.Name(id=name):
                yield from self.bound(name)
            case ast.Call(func=ast.Name(id=name)):
                for function in self.functions(name):
                    for end in (one for one in ast.walk(function) if isinstance(one, ast.Return) and one.value):
                        assert end.value
                        yield from self.texts(end.value, index)
            case ast.Attribute(attr=name):
                yield from self.fields(name)
            case _:
                pytest.fail(f"{self.path}:{node.lineno}: cannot tell which names a limit has here: {ast.unparse(node)}")

    def functions(self, name: str) -> Iterator[ast.FunctionDef]:
        return (one for one in ast.walk(self.tree) if isinstance(one, ast.FunctionDef) and one.name == name)

    def bound(self, name: str) -> Iterator[str]:
        """Yield what a name is given in this module: by assignments, and as a parameter by those who call."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name) and target.id == name:
                        yield from self.texts(node.value)
                    elif isinstance(target, ast.Tuple):
                        names = [one.id for one in target.elts if isinstance(one, ast.Name)]
                        yield from self.texts(node.value, names.index(name)) if name in names else ()
            elif isinstance(node, ast.FunctionDef) and name in (names := [one.arg for one in node.args.args]):
                for call in self.calls():
                    if isinstance(call.func, ast.Name) and call.func.id == node.name:
                        given = call.args[names.index(name)]
                        yield from () if isinstance(given, ast.Name) and given.id == name else self.texts(given)

    def fields(self, name: str) -> Iterator[str]:
        """Yield what the field of the module's own dataclasses is given."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ClassDef):
                fields = [
                    one.target.id for one in node.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
                ]
                for call in self.calls() if name in fields else ():
                    if isinstance(call.func, ast.Name) and call.func.id == node.name:
                        yield from self.texts(call.args[fields.index(name)])


@cache
def written() -> set[str]:
    found = {name for path in sorted((ROOT / "autoscaler").rglob("*.py")) for name in Module(path).limits()}
    assert {"maxReplicas", "forecast", r"pause\.all"} <= found
    return found


@pytest.mark.parametrize("name", sorted(written()))
def test_each_limit_that_the_code_writes_is_on_the_page(name: str) -> None:
    assert any(re.fullmatch(name, one) for one in column("What limits")), f"docs/explain.md, What limits, lacks {name}"


@pytest.mark.parametrize("name", column("What limits"))
def test_each_limit_on_the_page_is_one_that_the_code_writes(name: str) -> None:
    assert any(re.fullmatch(one, name) for one in written())


def test_each_candidate_is_on_the_page_and_no_other() -> None:
    assert sorted(column("What was weighed")) == sorted(Source)
