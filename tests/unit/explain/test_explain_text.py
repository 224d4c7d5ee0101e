"""A decision is explained in the order in which things happened."""

from pathlib import Path

import pytest

from autoscaler.commands.explain_text import age, explanation, heading, without_decision
from autoscaler.terminal_text import plain
from tests.unit.loops.scenes import CPU_80, NAMESPACE, NOW_S, PER_POD_10, a_shop

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "explain"


async def test_a_rise_that_is_limited_reads_as_it_happened() -> None:
    scene = a_shop(replicas=3, metrics=[CPU_80, PER_POD_10], maxReplicas=5)
    scene.use_cpu(0.160)
    scene.answer(70.0)
    await scene.scaling.once()
    obj = scene.cluster.get("predictiveautoscalers", NAMESPACE, "shop")
    assert obj is not None
    lines = [heading(obj), "", *explanation(obj["status"]["lastChange"], NOW_S + 35)]
    assert "\n".join(lines) + "\n" == (GOLDEN / "rise.txt").read_text(encoding="utf-8")


def test_a_forecast_that_is_bounded_reads_as_it_happened() -> None:
    row = {
        "at": "2027-01-15T08:00:00Z",
        "lastAt": "2027-01-15T08:02:00Z",
        "passes": 9,
        "action": "scale_up",
        "current": 4,
        "desired": 6,
        "reason": "ForecastAhead",
        "message": "Scale up from 4 to 6: cpu is forecast to reach 1.2.",
        "result": "blocked",
        "resultReason": "ModeObserve",
        "resultMessage": "mode is Observe: decisions are reported and not carried out",
        "candidates": {"reactive": 3, "stabilized": 4, "predicted": 12, "floor": 1, "ceiling": 20},
        "limits": [
            {
                "name": "scaling.downscale_stabilization_s",
                "before": 3,
                "after": 4,
                "message": "within the last 300 s at least 4 were asked for",
            },
            {"name": "forecast", "before": 4, "after": 12, "message": "cpu is forecast to reach 1.2", "asked": True},
            {"name": "forecast.maxExtraPods", "before": 12, "after": 6, "message": "no more than 6"},
        ],
        "metrics": [
            {
                "name": "cpu",
                "proposal": 3,
                "predicted": 12,
                "reading": "cpu at 60% of requests (target 80%)",
                "source": "metrics.k8s.io",
                "ageSeconds": 20,
                "pods": {"counted": 3, "unready": 1, "missing": 1, "ignored": 0},
                "forecast": {"gate": "Open", "ageSeconds": 40, "leadSeconds": 75},
            },
            {"name": "queue", "error": "Prometheus answered 503", "source": "Prometheus", "forecast": {"gate": "Shut"}},
        ],
        "pods": {"ready": 3, "unready": 1, "pending": 1, "ignored": 0},
    }
    text = "\n".join(explanation(row, NOW_S + 125)) + "\n"
    assert text == (GOLDEN / "bounded_forecast.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("result", "reason", "words"),
    [
        ("done", "FloorRaised", "done: minReplicas of the HPA was set (FloorRaised): why"),
        ("left", "ModeHPAFloor", "left to the HPA (ModeHPAFloor): why"),
    ],
)
def test_the_result_of_a_decision_that_an_hpa_carries_out_speaks_of_its_floor(result: str, reason: str, words: str) -> None:
    floor = {"before": 2, "after": 6}
    row = {"desired": 6, "result": result, "resultReason": reason, "resultMessage": "why", "floor": floor}
    assert explanation(row, NOW_S)[-1].endswith(words)


@pytest.mark.parametrize("row", [{}, {"metrics": "x", "limits": [1, {}], "pods": None, "at": 7}, {"metrics": [{}]}])
def test_a_decision_of_another_version_is_shown_as_far_as_it_is_known(row: dict[str, object]) -> None:
    assert len(explanation(row, NOW_S)) >= 4


def test_conditions_that_are_false_stand_for_a_decision_that_is_not_there() -> None:
    condition = {"type": "AbleToScale", "status": "False", "reason": "FailedGetScale", "message": "Deployment is not there"}
    obj = {"status": {"conditions": [condition, {"type": "Valid", "status": "True"}]}}
    assert without_decision(obj) == ["AbleToScale is False (FailedGetScale): Deployment is not there"]


def test_nothing_of_an_object_is_a_command_to_a_terminal() -> None:
    assert plain("a\x1b[31mb\n") == "a\\x1b[31mb\\n"


@pytest.mark.parametrize(("seconds", "text"), [(-3, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (172_800, "2 d")])
def test_ages_are_told_in_the_largest_unit_that_says_enough(seconds: float, text: str) -> None:
    assert age(seconds) == text
