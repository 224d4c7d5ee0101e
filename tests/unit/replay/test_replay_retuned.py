"""What an HPA of the same cost would lose, and absurd samples that must not spoil the rest."""

import numpy as np
import pytest

from autoscaler.replay.peaks import unfolded
from autoscaler.replay.recorded import Recorded
from autoscaler.replay.retuned import of_same_cost
from autoscaler.replay.score import score
from autoscaler.replay.stage import Setting, Stage, held, seen_of
from autoscaler.replay.walk import walk


@pytest.fixture(scope="module")
def stage() -> Stage:
    load = np.repeat(np.random.default_rng(3).gamma(4.0, 4.0, 240), 8)
    return Stage("bursts", 1_800_000_000.0, load, 480, 1.0)


@pytest.mark.parametrize("target", [0.4, 0.55, 0.7, 0.85])
def test_it_is_the_hpa_of_that_target(stage: Stage, target: float) -> None:
    hpa = score(stage, walk(stage, Setting(target=target)))
    found = of_same_cost(stage, Setting(), hpa.pod_hours)
    assert found is not None
    assert (found.target, found.lost_bp) == pytest.approx((target, hpa.lost_bp))


def test_a_cost_that_no_target_has_is_not_compared(stage: Stage) -> None:
    assert of_same_cost(stage, Setting(), 1e6) is None
    assert of_same_cost(stage, Setting(), 0.1) is None


def test_an_absurd_sample_does_not_swallow_the_rest() -> None:
    load = np.full(200, 10.0)
    load[50] = 1.8446744e19
    seen = seen_of(load)
    np.testing.assert_allclose(seen[60:], 10.0)
    np.testing.assert_allclose(unfolded(seen)[60:], 10.0)
    fine = held(Recorded("fine", 0.0, 4.0, load, ()))
    np.testing.assert_allclose(fine[20:], 10.0)
