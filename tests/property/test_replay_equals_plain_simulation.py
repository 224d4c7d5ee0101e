"""The replay's HPA, pods and view of the load against a second simulation, over whole stretches of load."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.replay.stage import Setting, Stage
from autoscaler.replay.walk import Course, clairvoyant, walk
from tests.unit.replay.plain_simulation import simulated

CUT = 8

LEVELS = st.one_of(st.integers(0, 300), st.integers(0, 6000), st.just(0), st.integers(0, 60_000))
LOADS = st.lists(st.tuples(LEVELS, st.integers(1, 25)), min_size=2, max_size=25).map(
    lambda runs: [level for level, steps in runs for _ in range(steps)]
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[int], Setting]:
    least = draw(st.integers(1, 5))
    setting = Setting(
        target=draw(st.integers(20, 120)) / 100,
        start_s=15.0 * draw(st.integers(1, 30)),
        min_replicas=least,
        max_replicas=draw(st.integers(least, 250)),
        capped=draw(st.booleans()),
    )
    return [0] * CUT + draw(LOADS), setting


def replayed(hundredths: list[int], setting: Setting) -> Course:
    return walk(Stage("test", 1_700_000_000.0, np.array(hundredths) / 100, CUT, 1.0), setting)


@settings(max_examples=150, deadline=None)
@given(cases())
def test_the_hpa_of_a_replay_is_that_of_a_second_plain_simulation(case: tuple[list[int], Setting]) -> None:
    hundredths, setting = case
    course = replayed(hundredths, setting)
    rows = simulated(
        [Fraction(one, 100) for one in hundredths],
        CUT,
        target=Fraction(round(setting.target * 100), 100),
        lead=setting.lead,
        bounds=(setting.min_replicas, setting.max_replicas),
        capped=setting.capped,
    )
    assert course.desired.tolist() == [row.desired for row in rows]
    assert course.ready.tolist() == [row.ready for row in rows]
    assert course.reactive.tolist() == course.desired.tolist()


@settings(max_examples=60, deadline=None)
@given(cases())
def test_the_clairvoyant_loses_nothing_that_the_most_pods_could_serve_and_no_step_can_have_fewer(
    case: tuple[list[int], Setting],
) -> None:
    hundredths, setting = case
    stage = Stage("test", 0.0, np.array(hundredths) / 100, CUT, 1.0)
    course = clairvoyant(stage, setting)
    needed = np.minimum(np.ceil(stage.load[CUT:]), setting.max_replicas)
    after = setting.lead  # pods that were asked for before the cut are not the clairvoyant's
    assert (course.ready[after:] >= needed[after:]).all()
    assert (course.desired >= setting.min_replicas).all()
    for step in np.flatnonzero(course.desired > setting.min_replicas):
        known = needed[step + 1 : step + 1 + setting.lead]
        ahead = [*known, needed[-1]] if known.size < setting.lead else known  # the load is taken to stay as it ends
        assert max(ahead) == course.desired[step]
