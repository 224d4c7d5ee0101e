"""Our decisions without a forecast are those of the real Horizontal Pod Autoscaler, to the last replica.

`cases.jsonl` holds random cases with the answers of the controller of Kubernetes 1.36.3; `record.py` says how they were got.
"""

import json

import pytest

from tests.conformance.hpa.cases import Json, differences
from tests.conformance.hpa.record import RECORDED

PAIRS: list[Json] = [json.loads(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("tenth", range(10))
def test_ours_decides_as_the_real_controller_did(tenth: int) -> None:
    wrong = {index: list(differences(pair["case"], pair["real"])) for index, pair in enumerate(PAIRS) if index % 10 == tenth}
    assert {index: found for index, found in wrong.items() if found} == {}


def test_the_recorded_cases_reach_every_reason_of_the_hpa() -> None:
    reasons = {reason for pair in PAIRS for _, reason in pair["real"]["conditions"].values()}
    assert reasons == {
        "SucceededGetScale",
        "ReadyForNewScale",
        "ScaleUpStabilized",
        "ScaleDownStabilized",
        "SucceededRescale",
        "ValidMetricFound",
        "ScalingDisabled",
        "FailedGetResourceMetric",
        "FailedGetContainerResourceMetric",
        "FailedGetExternalMetric",
        "DesiredWithinRange",
        "TooFewReplicas",
        "TooManyReplicas",
        "ScaleUpLimit",
        "ScaleDownLimit",
    }
