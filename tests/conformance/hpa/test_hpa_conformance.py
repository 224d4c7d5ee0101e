"""Our decisions without a forecast are those of the real Horizontal Pod Autoscaler, to the last replica.

`frozen.jsonl` holds cases with what the controller of Kubernetes 1.36.3 did; `run.py` says how they were got, and compares any
number of others.
"""

import json

import pytest

from tests.conformance.hpa.compare import differences
from tests.conformance.hpa.ours import CONDITIONS, Json
from tests.conformance.hpa.run import FROZEN

PAIRS: list[Json] = [json.loads(line) for line in FROZEN.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("tenth", range(10))
def test_ours_does_as_the_real_controller_did(tenth: int) -> None:
    wrong = {index: list(differences(pair["case"], pair["real"])) for index, pair in enumerate(PAIRS) if index % 10 == tenth}
    assert {index: found for index, found in wrong.items() if found} == {}


def test_there_are_single_reconciles_and_sequences() -> None:
    ticks = [len(pair["real"]) for pair in PAIRS]
    assert ticks.count(1) >= 200
    assert sum(one > 2 for one in ticks) >= 50


def test_the_frozen_cases_reach_every_reason_of_the_hpa() -> None:
    found = {(kind, told[1]) for pair in PAIRS for tick in pair["real"] for kind, told in tick["conditions"].items()}
    assert {kind for kind, _ in found} == set(CONDITIONS)
    assert {reason for _, reason in found} == {
        "SucceededGetScale",
        "FailedGetScale",
        "ReadyForNewScale",
        "ScaleUpStabilized",
        "ScaleDownStabilized",
        "SucceededRescale",
        "FailedUpdateScale",
        "ValidMetricFound",
        "ScalingDisabled",
        "InvalidSelector",
        "AmbiguousSelector",
        "FailedGetResourceMetric",
        "FailedGetContainerResourceMetric",
        "FailedGetPodsMetric",
        "FailedGetObjectMetric",
        "FailedGetExternalMetric",
        "DesiredWithinRange",
        "TooFewReplicas",
        "TooManyReplicas",
        "ScaleUpLimit",
        "ScaleDownLimit",
        "ScaledToZero",
        "NotScaledToZero",
    }


def test_the_frozen_cases_reach_every_event_of_the_hpa() -> None:
    events = [event for pair in PAIRS for tick in pair["real"] for event in tick["events"]]
    assert {event[1] for event in events} == {
        "SuccessfulRescale",
        "FailedRescale",
        "FailedGetScale",
        "FailedComputeMetricsReplicas",
        "SelectorRequired",
        "InvalidSelector",
        "AmbiguousSelector",
        "FailedGetResourceMetric",
        "FailedGetContainerResourceMetric",
        "FailedGetPodsMetric",
        "FailedGetObjectMetric",
        "FailedGetExternalMetric",
    }
    causes = {event[2].partition("; reason: ")[2] for event in events if event[1] == "SuccessfulRescale"}
    assert causes >= {
        "All metrics below target",
        "Current number of replicas above Spec.MaxReplicas",
        "Current number of replicas below Spec.MinReplicas",
        "cpu resource above target",
        "cpu resource utilization (percentage of request) above target",
        "cpu container resource utilization (percentage of request) above target",
        "external metric queue(nil) above target",
        "pods metric lag above target",
        "",  # only past recommendations ask for it
    }


def test_a_difference_would_be_told() -> None:
    """A tick in which another count was written is found, and what comes after it is not."""
    index, pair = next((index, pair) for index, pair in enumerate(PAIRS) if pair["real"][0]["writes"] and len(pair["real"]) > 1)
    wrong = [{**tick, "replicas": tick["replicas"] + 1} for tick in pair["real"]]
    (told,) = differences(pair["case"], wrong)
    assert told.startswith("tick 0: replicas: ours "), index
