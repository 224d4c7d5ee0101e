"""A decision is kept in the status with how it came about, and told once in log, Event and series."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from autoscaler.decision_book import KEPT_OUTCOMES, DecisionBook
from autoscaler.errors import Permanent
from autoscaler.loops.decision_row import keep, mark
from autoscaler.model import ObjectKey
from autoscaler.settings import ScalingSettings, Settings
from autoscaler.telemetry import REGISTRY
from tests.unit.loops.scenes import CPU_80, NAMESPACE, PER_POD_10, Scene, a_shop

SHOP = ObjectKey(NAMESPACE, "shop")
Json = dict[str, Any]


def series(name: str) -> dict[str, float]:
    """Return the series of the shop by the last of their labels."""
    found: dict[str, float] = {}
    for family in REGISTRY.collect():
        for sample in family.samples:
            if sample.name == name and sample.labels["name"] == "shop":
                found[[*sample.labels.values()][-1]] = sample.value
    return found


async def test_the_status_holds_the_decision_with_what_was_seen_asked_and_limited() -> None:
    scene = a_shop(replicas=2, metrics=[CPU_80, PER_POD_10], maxReplicas=4)
    scene.use_cpu(0.160)
    scene.answer(70.0)
    await scene.scaling.once()
    decision = scene.status()["decision"]
    assert decision["at"] == "2027-01-15T08:00:00Z"
    assert [decision[name] for name in ("action", "current", "desired", "reason", "result")] == [
        "scale_up",
        2,
        4,
        "AboveTarget",
        "done",
    ]
    assert decision["candidates"] == {"stabilized": 4, "floor": 1, "ceiling": 4, "reactive": 7}
    assert [(one["name"], one["before"], one["after"]) for one in decision["limits"]] == [("maxReplicas", 7, 4)]
    cpu, query = decision["metrics"]
    assert cpu == {
        "name": "cpu",
        "proposal": 4,
        "source": "Prometheus",
        "ageSeconds": 5,
        "reading": "cpu at 160% of requests (target 80%)",
        "podsWithValue": 2,
        "podsWithoutValue": 0,
        "pods": {"counted": 2, "unready": 0, "missing": 0, "ignored": 0},
    }
    assert (query["name"], query["proposal"], query["ageSeconds"]) == ("prometheus-1", 7, 0)
    assert decision["pods"] == {"ready": 2, "unready": 0, "pending": 0, "ignored": 0}


async def test_the_last_change_stays_while_later_decisions_hold_and_when_the_object_turns_invalid() -> None:
    scene = a_shop(replicas=2)
    scene.use_cpu(0.160)
    await scene.scaling.once()
    scene.deploy(replicas=4)
    scene.use_cpu(0.080)
    scene.clock.advance(15)
    await scene.scaling.once()
    status = scene.status()
    assert (status["decision"]["result"], status["lastChange"]["result"]) == ("held", "done")
    assert (status["lastChange"]["current"], status["lastChange"]["desired"]) == (2, 4)
    scene.autoscale(minReplicas=9, maxReplicas=3)
    await scene.scaling.once()
    assert "decision" not in scene.status()
    assert scene.status()["lastChange"]["desired"] == 4


async def test_forty_passes_with_steady_load_and_other_ages_write_the_status_once() -> None:
    scene = a_shop(replicas=4)
    for turn in range(40):
        scene.clock.advance(15)
        scene.use_cpu(0.070, age_s=1.0 + turn % 9)
        await scene.scaling.once()
    assert len(scene.kube.named("update_status")) == 1
    assert scene.status()["decision"]["at"] == "2027-01-15T08:00:15Z"


async def test_other_readings_alone_leave_the_decision_of_the_status_as_it_is() -> None:
    scene = a_shop(replicas=4)
    decisions = []
    for cores in (0.070, 0.072, 0.074):
        scene.clock.advance(15)
        scene.use_cpu(cores)
        await scene.scaling.once()
        decisions.append(scene.status()["decision"])
    assert decisions[0] == decisions[1] == decisions[2]
    assert len(scene.kube.named("update_status")) == 3  # for the readings in metrics and conditions, as ever


async def test_a_limit_that_comes_is_another_outcome() -> None:
    scene = a_shop(replicas=4)
    scene.use_cpu(0.080)
    await scene.scaling.once()
    scene.clock.advance(15)
    scene.use_cpu(0.030)
    await scene.scaling.once()
    decision = scene.status()["decision"]
    assert decision["at"] == "2027-01-15T08:00:15Z"
    assert [(one["name"], one["before"], one["after"]) for one in decision["limits"]] == [
        ("scaling.downscale_stabilization_s", 2, 4)
    ]


async def test_a_change_is_one_log_line_with_candidates_limits_and_ages() -> None:
    scene = a_shop(replicas=2, maxReplicas=3)
    scene.use_cpu(0.160)
    with capture_logs() as logs:
        await scene.scaling.once()
    (line,) = [one for one in logs if one["event"] == "scaled"]
    assert line["log_level"] == "info"
    assert line["candidates"]["reactive"] == 4
    assert line["limits"] == ["maxReplicas:4>3"]
    assert line["ages_s"] == {"cpu": 5}


async def test_what_is_held_back_is_told_once_and_what_holds_only_for_debugging() -> None:
    scene = a_shop(replicas=2, mode="Observe")
    with capture_logs() as logs:
        for _ in range(3):
            scene.use_cpu(0.160)
            await scene.scaling.once()
    lines = [one for one in logs if one["event"] == "decided"]
    assert [(one["log_level"], one["blocked_by"]) for one in lines] == [
        ("info", "ModeObserve"),
        ("debug", "ModeObserve"),
        ("debug", "ModeObserve"),
    ]
    calm = a_shop(replicas=2)
    calm.use_cpu(0.080)
    with capture_logs() as logs:
        await calm.scaling.once()
    assert [one["log_level"] for one in logs if one["event"] == "decided"] == ["debug"]


async def test_what_the_cap_takes_is_told_at_info() -> None:
    scene = Scene(settings=Settings(scaling=ScalingSettings(max_added_pods_per_minute=1)))
    scene.deploy(replicas=1)
    scene.autoscale()
    scene.use_cpu(0.320)
    await scene.scaling.once()
    scene.deploy(replicas=2)
    scene.use_cpu(0.320)
    with capture_logs() as logs:
        await scene.scaling.once()
    (line,) = [one for one in logs if one["event"] == "decided"]
    assert (line["log_level"], line["reason"]) == ("info", "ClusterCap")
    assert line["limits"][-1].startswith("scaling.max_added_pods_per_minute:")


async def test_the_event_names_the_reason_and_what_limited_it() -> None:
    scene = a_shop(replicas=2, maxReplicas=3)
    scene.use_cpu(0.160)
    await scene.scaling.once()
    note = scene.kube.events[0].note
    assert note.startswith("New size: 3; reason: cpu resource utilization (percentage of request) above target. Scale up")
    assert note.endswith("(AboveTarget) Limited by maxReplicas (4 to 3).")


async def test_the_note_of_an_event_is_cut_so_that_reason_and_limits_stay() -> None:
    name = "queue-" + "ü" * 900
    external = {"metric": {"name": name}, "target": {"type": "AverageValue", "averageValue": "10"}}
    scene = a_shop(replicas=2, metrics=[{"type": "External", "external": external}, PER_POD_10], maxReplicas=3)
    scene.answer(90.0)
    await scene.scaling.once()
    (note,) = [event.note for event in scene.kube.events if event.reason == "SuccessfulRescale"]
    assert len(note.encode()) <= 1024
    assert note.endswith("(AboveTarget) Limited by maxReplicas (9 to 3).")


async def test_every_candidate_metric_and_limit_has_a_series_as_long_as_it_counts() -> None:
    scene = a_shop(replicas=2, metrics=[CPU_80, PER_POD_10], maxReplicas=4)
    scene.use_cpu(0.160)
    scene.answer(70.0)
    await scene.scaling.once()
    assert series("foresail_decision_candidate_replicas") == {
        "reactive": 7,
        "stabilized": 4,
        "floor": 1,
        "ceiling": 4,
        "metric:cpu": 4,
        "metric:prometheus-1": 7,
    }
    assert series("foresail_decision_limits") == {"maxReplicas": 1}
    scene.metrics.usage.clear()
    scene.answer(20.0)
    await scene.scaling.once()
    assert "metric:cpu" not in series("foresail_decision_candidate_replicas")
    assert series("foresail_decision_limits") == {}


async def test_a_scale_that_is_refused_says_so_in_the_decision() -> None:
    scene = a_shop(replicas=2)
    scene.use_cpu(0.160)
    scene.kube.fail("set_scale", Permanent("forbidden"))
    await scene.scaling.once()
    decision = scene.status()["decision"]
    assert (decision["result"], decision["resultReason"]) == ("failed", "FailedUpdateScale")
    assert "forbidden" in decision["resultMessage"]
    assert "lastChange" not in scene.status()


async def test_outcomes_are_kept_with_their_first_and_last_time() -> None:
    scene = a_shop(replicas=2)
    scene.use_cpu(0.160)
    await scene.scaling.once()
    for _ in range(3):
        scene.clock.advance(15)
        scene.deploy(replicas=4)
        scene.use_cpu(0.080)
        await scene.scaling.once()
    kept = scene.board.outcomes.last(SHOP)
    assert kept is not None
    assert [(one["result"], one["at"][-4:], one["lastAt"][-4:], one["passes"]) for one in kept] == [
        ("done", ":00Z", ":00Z", 1),
        ("held", ":15Z", ":45Z", 3),
    ]
    assert scene.board.outcomes.last(SHOP, 1) == kept[1:]
    scene.cluster.delete("predictiveautoscalers", NAMESPACE, "shop")
    await scene.scaling.once()
    assert scene.board.outcomes.last(SHOP) is None


def test_the_book_of_outcomes_has_a_bound() -> None:
    book = DecisionBook()
    for index in range(3 * KEPT_OUTCOMES):
        assert book.add(SHOP, {"at": str(index)}, str(index))
    kept = book.last(SHOP, 2 * KEPT_OUTCOMES)
    assert kept is not None
    assert [row["at"] for row in kept] == [str(index) for index in range(2 * KEPT_OUTCOMES, 3 * KEPT_OUTCOMES)]


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["limits", "metrics", "forecast", "name", "at", "x"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(anything)
def test_whatever_a_status_holds_can_be_compared(found: object) -> None:
    row: Json = {"at": "now", "result": "held", "limits": [], "metrics": []}
    assert json.loads(mark(found)) is not None
    assert keep({"decision": found}, {}, row)["decision"] in (found, row)
