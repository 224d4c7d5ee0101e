"""The text form of a label selector (`a=b,c in (x,y),!d`), as scales carry it, by Kubernetes' own grammar.

Source: apimachinery `pkg/labels/selector.go`. Of its operators only `>` and `<` are not known here; no scale of Kubernetes'
own kinds has them.
"""

import re
from dataclasses import dataclass, field
from typing import assert_never

from autoscaler.api.types import LabelSelector, LabelSelectorRequirement, SelectorOperator
from autoscaler.api.validation import is_label_key, is_label_value

_TOKEN = re.compile(r"\s*(==|!=|[=!(),<>]|[^=!(),<>\s]+|$)")
_SYMBOLS = frozenset({"==", "!=", *"=!(),<>", ""})
_EXACT = {"=": SelectorOperator.IN, "==": SelectorOperator.IN, "!=": SelectorOperator.NOT_IN}
_SETS = {"in": SelectorOperator.IN, "notin": SelectorOperator.NOT_IN}


def parse_selector(text: str) -> LabelSelector:
    """Return a label selector from its text form; ValueError when it is none."""
    try:
        return _selector(_Tokens(_TOKEN.findall(text)))
    except _UnexpectedError as error:
        raise ValueError(f"the selector {text!r} is not understood: {error}") from None


def selector_text(selector: LabelSelector) -> str:
    """Return the text form of a label selector, in the order of its keys; empty for one that matches everything."""
    parts = [(key, f"{key}={value}") for key, value in selector.match_labels.items()]
    for one in selector.match_expressions:
        match one.operator:
            case SelectorOperator.IN | SelectorOperator.NOT_IN:
                word = "in" if one.operator is SelectorOperator.IN else "notin"
                parts.append((one.key, f"{one.key} {word} ({','.join(sorted(one.values))})"))
            case SelectorOperator.EXISTS:
                parts.append((one.key, one.key))
            case SelectorOperator.DOES_NOT_EXIST:
                parts.append((one.key, f"!{one.key}"))
            case _:
                assert_never(one.operator)
    return ",".join(text for _, text in sorted(parts))


class _UnexpectedError(Exception):
    """What was found in the place of something else."""


@dataclass(slots=True)
class _Tokens:
    """Words and signs, of which the empty one is the end."""

    left: list[str]
    _at: int = field(default=0)

    @property
    def next(self) -> str:
        return self.left[self._at] if self._at < len(self.left) else ""

    def take(self) -> str:
        taken = self.next
        self._at += 1
        return taken

    def expect(self, wanted: str) -> None:
        if (found := self.take()) != wanted:
            raise _UnexpectedError(f"there is {found or 'the end'!r} where {wanted!r} should be")


def _selector(tokens: _Tokens) -> LabelSelector:
    found: list[LabelSelectorRequirement] = []
    while tokens.next:
        found.append(_requirement(tokens))
        if tokens.next:
            tokens.expect(",")
            if tokens.next in _SYMBOLS - {"!"}:
                raise _UnexpectedError("nothing follows a comma")
    labels: dict[str, str] = {}
    expressions = []
    for one in found:
        if one.operator is SelectorOperator.IN and len(one.values) == 1 and one.key not in labels:
            labels[one.key] = one.values[0]
        else:
            expressions.append(one)
    return LabelSelector(match_labels=labels, match_expressions=tuple(expressions))


def _requirement(tokens: _Tokens) -> LabelSelectorRequirement:
    absent = tokens.next == "!"
    if absent:
        tokens.take()
    key = tokens.take()
    if key in _SYMBOLS or not is_label_key(key):
        raise _UnexpectedError(f"{key!r} is not the key of a label")
    if absent or tokens.next in {"", ","}:
        operator = SelectorOperator.DOES_NOT_EXIST if absent else SelectorOperator.EXISTS
        return LabelSelectorRequirement(key=key, operator=operator)
    sign = tokens.take()
    if sign in _EXACT:
        values = ("",) if tokens.next in {"", ","} else (_value(tokens),)
        return LabelSelectorRequirement(key=key, operator=_EXACT[sign], values=values)
    if sign in _SETS:
        return LabelSelectorRequirement(key=key, operator=_SETS[sign], values=_set(tokens))
    raise _UnexpectedError(f"{sign!r} is not an operator")


def _set(tokens: _Tokens) -> tuple[str, ...]:
    tokens.expect("(")
    if tokens.next == ")":
        raise _UnexpectedError("a set must not be empty")
    values = ["" if tokens.next in {",", ")"} else _value(tokens)]
    while tokens.next == ",":
        tokens.take()
        values.append("" if tokens.next in {",", ")"} else _value(tokens))
    tokens.expect(")")
    return tuple(values)


def _value(tokens: _Tokens) -> str:
    value = tokens.take()
    if value in _SYMBOLS or not is_label_value(value):
        raise _UnexpectedError(f"{value!r} is not the value of a label")
    return value
