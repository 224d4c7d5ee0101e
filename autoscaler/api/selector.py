"""Kubernetes' label selectors: whether labels match. Which selectors are allowed is `validation`'s business."""

from collections.abc import Mapping
from typing import assert_never

from autoscaler.api.types import LabelSelector, LabelSelectorRequirement, SelectorOperator


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Say whether labels fulfil every part of a selector, with the meaning that Kubernetes gives it.

    A selector without parts matches everything; NotIn matches also what lacks the key.
    """
    equal = all(labels.get(key) == value for key, value in selector.match_labels.items())
    return equal and all(_fulfils(expression, labels) for expression in selector.match_expressions)


def _fulfils(expression: LabelSelectorRequirement, labels: Mapping[str, str]) -> bool:
    match expression.operator:
        case SelectorOperator.IN:
            return expression.key in labels and labels[expression.key] in expression.values
        case SelectorOperator.NOT_IN:
            return expression.key not in labels or labels[expression.key] not in expression.values
        case SelectorOperator.EXISTS:
            return expression.key in labels
        case SelectorOperator.DOES_NOT_EXIST:
            return expression.key not in labels
        case _:
            assert_never(expression.operator)
