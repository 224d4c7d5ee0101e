import pytest

from autoscaler.api.selector import matches
from autoscaler.api.types import LabelSelector, LabelSelectorRequirement, SelectorOperator


def an_expression(key: str, operator: str, *values: str) -> LabelSelector:
    expression = LabelSelectorRequirement(key=key, operator=SelectorOperator(operator), values=values)
    return LabelSelector(match_expressions=(expression,))


def test_labels_match_when_every_pair_is_there() -> None:
    selector = LabelSelector(match_labels={"app": "shop", "tier": "web"})
    assert matches(selector, {"app": "shop", "tier": "web", "extra": "1"})
    assert not matches(selector, {"app": "shop"})
    assert not matches(selector, {"app": "shop", "tier": "db"})


@pytest.mark.parametrize(
    ("selector", "labels", "expected"),
    [
        (an_expression("tier", "In", "web", "api"), {"tier": "api"}, True),
        (an_expression("tier", "In", "web", "api"), {"tier": "db"}, False),
        (an_expression("tier", "In", "web", "api"), {}, False),
        (an_expression("tier", "NotIn", "db"), {"tier": "web"}, True),
        (an_expression("tier", "NotIn", "db"), {"tier": "db"}, False),
        (an_expression("tier", "NotIn", "db"), {}, True),
        (an_expression("tier", "Exists"), {"tier": ""}, True),
        (an_expression("tier", "Exists"), {}, False),
        (an_expression("tier", "DoesNotExist"), {}, True),
        (an_expression("tier", "DoesNotExist"), {"tier": ""}, False),
    ],
)
def test_an_expression_means_what_it_means_in_kubernetes(
    selector: LabelSelector, labels: dict[str, str], *, expected: bool
) -> None:
    assert matches(selector, labels) is expected


def test_pairs_and_expressions_must_all_hold() -> None:
    expression = LabelSelectorRequirement(key="canary", operator=SelectorOperator.DOES_NOT_EXIST)
    selector = LabelSelector(match_labels={"app": "shop"}, match_expressions=(expression,))
    assert matches(selector, {"app": "shop"})
    assert not matches(selector, {"app": "shop", "canary": "yes"})
