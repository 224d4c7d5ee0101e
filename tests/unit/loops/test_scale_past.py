"""Changes of the count that the policies of `behavior` look back to: kept in the status, and read by who comes next."""

from dataclasses import replace

import msgspec
import pytest

from autoscaler.api.types import Behavior, PolicyType, ScalingPolicy, ScalingRules
from autoscaler.loops import scale_past
from autoscaler.loops.status import timestamp
from autoscaler.scaling.types import ScaleEvent
from tests.unit.loops.scenes import NOW_S, a_shop, passes, restart

FOUR_A_MINUTE = {"policies": [{"type": "Pods", "value": 4, "periodSeconds": 60}]}


def pods_within(period_s: int) -> ScalingRules:
    return ScalingRules(policies=(ScalingPolicy(type=PolicyType.PODS, value=4, period_seconds=period_s),))


@pytest.mark.parametrize("restarts", [True, False])
async def test_what_was_added_counts_against_the_policies_also_after_a_restart(restarts: bool) -> None:  # noqa: FBT001
    scene = a_shop(replicas=2, maxReplicas=100, behavior={"scaleUp": FOUR_A_MINUTE})
    await passes(scene, 1, cores=0.800)
    assert scene.replicas() == 6
    assert scene.status()["scaleEvents"] == [{"at": timestamp(scene.clock.now_s()), "change": 4}]
    scene.deploy(replicas=6)
    if restarts:
        restart(scene)
    await passes(scene, 3, cores=0.800)
    assert scene.replicas() == 6
    await passes(scene, 1, cores=0.800)
    assert scene.replicas() == 10
    assert [row["change"] for row in scene.status()["scaleEvents"]] == [4]  # the first one is a minute old


async def test_what_was_removed_counts_likewise_and_nothing_is_written_for_it_alone() -> None:
    down = {"stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 120}]}
    scene = a_shop(replicas=8, behavior={"scaleDown": down})
    await passes(scene, 1, cores=0.010)
    assert (scene.replicas(), scene.status()["scaleEvents"][0]["change"]) == (7, -1)
    scene.deploy(replicas=7)
    await passes(scene, 1, cores=0.010)
    writes = len(scene.kube.named("update_status"))
    restart(scene)
    await passes(scene, 6, cores=0.010)
    assert scene.replicas() == 7
    assert len(scene.kube.named("update_status")) == writes
    await passes(scene, 1, cores=0.010)
    assert scene.replicas() == 6


async def test_without_behavior_there_are_no_policies_to_remember_for() -> None:
    scene = a_shop(replicas=2)
    await passes(scene, 1, cores=0.160)
    assert (scene.replicas(), scene.status()["scaleEvents"]) == (4, [])


async def test_the_exact_hpa_forgets_with_a_restart() -> None:
    scene = a_shop(replicas=2, maxReplicas=100, behavior={"scaleUp": FOUR_A_MINUTE})
    exact = msgspec.structs.replace(scene.settings.scaling, exact_hpa=True)
    scene.context = replace(scene.context, settings=msgspec.structs.replace(scene.settings, scaling=exact))
    restart(scene)
    await passes(scene, 1, cores=0.800)
    scene.deploy(replicas=6)
    restart(scene)
    await passes(scene, 1, cores=0.800)
    assert scene.replicas() == 10


async def test_changes_of_another_target_do_not_count() -> None:
    scene = a_shop(replicas=2, maxReplicas=100, behavior={"scaleUp": FOUR_A_MINUTE})
    scene.deploy("cart")
    await passes(scene, 1, cores=0.800)
    scene.autoscale(target="cart", maxReplicas=100, behavior={"scaleUp": FOUR_A_MINUTE})
    scene.clock.advance(15)
    scene.use_cpu(0.800, "cart")
    await scene.scaling.once()
    assert scene.replicas("cart") == 6


@pytest.mark.parametrize(
    "written",
    [
        None,
        "no list",
        [None, 3, {}, {"at": 5, "change": 4}, {"at": "yesterday", "change": 4}, {"at": timestamp(NOW_S), "change": "4"}],
        [{"at": timestamp(NOW_S + 100), "change": 4}, {"at": timestamp(NOW_S - 60), "change": 4}],
        [{"at": timestamp(NOW_S - 5).removesuffix("Z"), "change": 4}],
    ],
)
def test_a_status_that_tells_of_no_change_that_counts_is_none(written: object) -> None:
    behavior = Behavior(scale_up=pods_within(60), scale_down=pods_within(60))
    assert scale_past.read({"scaleEvents": written}, behavior, NOW_S) == ((), ())


def test_all_changes_that_still_count_are_kept_beside_the_new_one() -> None:
    before = {"scaleEvents": [{"at": timestamp(NOW_S - ago_s), "change": ago_s} for ago_s in (61, 60, 59, 5)]}
    kept = [row["change"] for row in scale_past.after_change(before, -3, Behavior(scale_up=pods_within(60)), NOW_S)]
    assert kept == [59, 5, -3]
    assert scale_past.after_change(before, -3, None, NOW_S) == []


def test_the_longest_policy_of_both_directions_says_what_counts() -> None:
    short, long = pods_within(30), pods_within(90)
    status = {"scaleEvents": [{"at": timestamp(NOW_S - 89), "change": 4}, {"at": timestamp(NOW_S - 20), "change": -3}]}
    both = ((ScaleEvent(NOW_S - 89, 4),), (ScaleEvent(NOW_S - 20, 3),))
    assert scale_past.read(status, Behavior(scale_up=short, scale_down=long), NOW_S) == both
    assert scale_past.read(status, Behavior(scale_up=long, scale_down=short), NOW_S) == both
    assert scale_past.read(status, Behavior(scale_up=short, scale_down=short), NOW_S) == ((), both[1])
    assert scale_past.read(status, None, NOW_S) == ((), ())
