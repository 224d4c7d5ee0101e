import pytest

from autoscaler.errors import Temporary
from autoscaler.loops.status import StatusBook, merge
from autoscaler.model import ObjectKey
from autoscaler.reasons import Reason
from autoscaler.scaling.types import Condition
from tests.unit.loops.scenes import NAMESPACE, NOW_S, Scene, a_shop


async def test_versions_that_the_cache_has_left_behind_are_forgotten() -> None:
    scene = Scene()
    scene.autoscale()
    book = StatusBook(scene.kube, "predictiveautoscalers")
    for desired in range(20):
        (obj,) = scene.stores.autoscalers.items()
        assert await book.write(obj, {"desiredReplicas": desired}) is None
    assert len(book._written[ObjectKey(NAMESPACE, "shop")].superseded) == 1


async def test_versions_are_remembered_as_long_as_the_cache_may_still_show_them() -> None:
    scene = Scene()
    scene.autoscale()
    book = StatusBook(scene.kube, "predictiveautoscalers")
    (old,) = scene.stores.autoscalers.items()
    for desired in range(3):
        assert await book.write(old, {"desiredReplicas": desired}) is None
    assert book.current(old) == {"desiredReplicas": 2}


@pytest.mark.parametrize("damaged", [[5], ["type"], [None], [{"type": 3}], [{"type": ["a"]}], [{}], "type", {"type": "Valid"}])
def test_conditions_that_are_none_do_not_keep_the_right_ones_from_being_told(damaged: object) -> None:
    valid = Condition("Valid", status=True, reason=Reason.VALID, message="the spec can be used")
    [told] = merge(damaged, [valid], NOW_S, 3)
    assert (told["type"], told["status"], told["observedGeneration"]) == ("Valid", "True", 3)


def test_a_message_is_no_longer_than_the_api_server_takes_it() -> None:
    valid = Condition("Valid", status=False, reason=Reason.INVALID_SPEC, message="spec.schedules[0] is wrong; " * 5000)
    [told] = merge(None, [valid], NOW_S, 3)
    assert len(told["message"]) == 32_768


async def test_a_condition_without_a_reason_does_not_keep_an_object_from_being_reported() -> None:
    scene = a_shop(replicas=2)
    obj = scene.cluster.get("predictiveautoscalers", NAMESPACE, "shop")
    assert obj is not None
    written_by_hand = {"conditions": [{"type": "AbleToScale", "status": "False"}, {"type": "Acting", "status": "False"}]}
    scene.cluster.put("predictiveautoscalers", {**obj, "status": written_by_hand})
    scene.use_cpu(0.16)
    await scene.scaling.once()
    assert (scene.replicas(), scene.status()["desiredReplicas"]) == (4, 4)


async def test_who_took_the_last_pod_is_told_again_where_the_write_of_the_status_failed() -> None:
    """Else nobody would know after a restart, and the target would stay at zero."""
    scene = a_shop(replicas=2, pause={"replicas": 0})
    scene.kube.fail("update_status", Temporary("the API server is gone"))
    scene.use_cpu(0.08)
    await scene.scaling.once()
    assert scene.replicas() == 0
    assert "ScaledToZero" not in {one["type"] for one in scene.status().get("conditions", [])}
    await scene.scaling.once()
    [told] = [one for one in scene.status()["conditions"] if one["type"] == "ScaledToZero"]
    assert (told["status"], told["reason"]) == ("True", "Paused")
