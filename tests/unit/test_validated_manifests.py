"""Whatever is in a manifest, the answer is a sentence about it."""

import pytest

from autoscaler.manifests import check

VALID = """
apiVersion: foresail.dev/v1alpha1
kind: HealingPolicy
metadata: {name: shop}
spec: {mode: Observe, selector: {matchLabels: {app: shop}}, faults: {notReady: {}}}
"""


@pytest.mark.parametrize(
    "text",
    [
        "d: 2021-99-99",
        "[" * 5000,
        "n: " + "9" * 5000,
        "kind: PredictiveAutoscaler\napiVersion: foresail.dev/v1alpha1\nmetadata: &m {name: x, labels: *m}\nspec: *m",
    ],
)
def test_what_cannot_be_read_is_said_to_be_wrong(text: str) -> None:
    verdicts = list(check(text))
    assert verdicts
    assert not any(one.valid for one in verdicts)


@pytest.mark.parametrize("kind", ["[a]", "PredictiveAutoscalr", "predictiveautoscaler", "null"])
def test_a_kind_of_our_group_that_is_none_does_not_pass_in_silence(kind: str) -> None:
    bad = VALID.replace("kind: HealingPolicy", f"kind: {kind}")
    good, wrong = check(f"{VALID}---{bad}")
    assert good.valid
    assert not wrong.valid
    assert "kind: must be one of PredictiveAutoscaler, HealingPolicy" in wrong.lines[0]
