from autoscaler.loops.status import StatusBook
from autoscaler.model import ObjectKey
from tests.unit.loops.scenes import NAMESPACE, Scene


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
