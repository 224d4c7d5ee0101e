"""The floor of an HPA: always between its owner's minReplicas and the maximum, and given back whatever dies, whenever."""

import asyncio
import contextlib
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from autoscaler.api.overrides import Pause
from autoscaler.reasons import Reason
from autoscaler.scaling.floor import FloorState, floor_of, initial_floor
from autoscaler.scaling.policy import down_window_s
from autoscaler.scaling.types import Action, Decision, MetricStatus, Policy, Recommendation, Source
from tests.builders import NOW_S, a_policy, a_resource_metric
from tests.fakes.kube import FakeStore, KilledError
from tests.unit.loops.floor_scenes import (
    a_floored_shop,
    floor,
    gitops,
    hpa,
    look,
    marks,
    min_replicas,
    restarted,
    someone_writes,
)
from tests.unit.loops.scenes import NAMESPACE, Scene

counts = st.integers(0, 40)
owners = st.sampled_from([1, 2, 3, 4, 10])  # few, so that somebody asks for what is there already
needs = st.none() | st.sampled_from([0, 2, 3, 4, 6, 40])
MAX = 10


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    candidates = draw(st.dictionaries(st.sampled_from(Source), counts))
    asked = draw(st.lists(st.none() | counts, max_size=3))
    metrics = tuple(MetricStatus(a_resource_metric(), None, predicted=one) for one in asked)
    reason = Reason.WITHIN_TOLERANCE
    return Decision(Action.HOLD, draw(counts), draw(counts), reason, "why", candidates, metrics, ())


pauses = st.none() | st.builds(
    Pause, all=st.booleans(), scale_in=st.booleans(), scale_out=st.booleans(), replicas=st.none() | counts
)
states = st.lists(st.tuples(st.floats(0, 1000), counts), max_size=5)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    low, high = draw(st.integers(0, 10)), draw(st.integers(10, 30))
    return a_policy(min_replicas=low, max_replicas=high, pause=draw(pauses), forecast_enabled=draw(st.booleans()))


@given(policies(), counts, st.floats(0, 1e6), st.floats(0, 400))
def test_a_clock_that_is_put_back_keeps_no_floor_for_longer_than_a_window(
    policy: Policy, raised_to: int, back_s: float, later_s: float
) -> None:
    nothing = Decision(Action.HOLD, 0, 0, Reason.WITHIN_TOLERANCE, "why", {}, (), ())
    policy = replace(policy, pause=None)
    _, state = floor_of(nothing, policy, raised_to, initial_floor(raised_to, NOW_S), NOW_S - back_s)
    floor, _ = floor_of(nothing, policy, raised_to, state, NOW_S - back_s + down_window_s(policy) + later_s)
    assert floor.replicas == policy.min_replicas


@given(decisions(), policies(), counts, states)
def test_a_floor_is_within_the_owners_bounds(
    decision: Decision, policy: Policy, live: int, asked: list[tuple[float, int]]
) -> None:
    state = FloorState(tuple(Recommendation(NOW_S - ago_s, replicas) for ago_s, replicas in asked))
    found, after = floor_of(decision, policy, live, state, NOW_S)
    assert policy.min_replicas <= found.replicas <= policy.max_replicas
    assert floor_of(decision, policy, live, state, NOW_S) == (found, after)


@given(decisions(), st.integers(0, 10), st.integers(0, 30))
def test_a_forecast_that_asks_for_more_gets_no_lower_floor(decision: Decision, low: int, more: int) -> None:
    policy = a_policy(min_replicas=low, max_replicas=50)
    metrics = (MetricStatus(a_resource_metric(), None, predicted=more),)
    larger = Decision(
        decision.action,
        max(decision.desired, more),
        decision.current,
        decision.reason,
        "why",
        decision.candidates,
        (*decision.metrics, *metrics),
        (),
    )
    if not decision.metrics:
        return  # then the candidate counts, which has a window of its own
    before, _ = floor_of(decision, policy, low, FloorState(), NOW_S)
    after, _ = floor_of(larger, policy, low, FloorState(), NOW_S)
    assert after.replicas >= before.replicas


class Floored(RuleBasedStateMachine):
    """An HPA, its owner, and services that die."""

    scene: Scene
    wish: int | None

    @initialize(wish=st.none() | owners)
    def start(self, wish: int | None) -> None:
        """Begin with an HPA of GitOps and an object for it."""
        self.wish = wish
        self.scene = a_floored_shop(wish)

    @rule(asked=needs)
    def one_pass(self, asked: int | None) -> None:
        """A service that lives looks once."""
        asyncio.run(look(self.scene, asked))

    @rule(asked=needs, calls=st.integers(0, 8))
    def dies(self, asked: int | None, calls: int) -> None:
        """A service is killed before some call to the API server, and another takes over."""
        self.scene.kube.lives = calls
        with contextlib.suppress(KilledError):
            asyncio.run(look(self.scene, asked))
        self.scene = restarted(self.scene)

    @rule(asked=needs)
    def looks_at_the_past(self, asked: int | None) -> None:
        """The cache of HPAs lags for two passes."""
        store = self.scene.stores.hpas
        assert isinstance(store, FakeStore)
        store.freeze()
        asyncio.run(look(self.scene, asked, passes=2))
        store.thaw()

    @rule(minutes=st.sampled_from([1, 6, 61]))
    def time_passes(self, minutes: int) -> None:
        """Nobody does anything for a while."""
        self.scene.clock.advance(60.0 * minutes)

    @rule(wish=owners)
    def owner_applies(self, wish: int) -> None:
        """The owner's tool writes its manifest."""
        gitops(self.scene, wish)
        self.wish = wish

    @rule(wish=owners)
    def somebody_writes(self, wish: int) -> None:
        """A person writes minReplicas; the value that is there already is no write for the API server."""
        if wish != min_replicas(self.scene):
            self.wish = wish
        someone_writes(self.scene, wish)

    @rule(asked=needs, wish=owners)
    def owner_writes_in_between(self, asked: int | None, wish: int) -> None:
        """The owner writes right before our own write."""
        self.scene.kube.before("apply_floor", lambda: self.owner_applies(wish))
        asyncio.run(look(self.scene, asked))
        self.scene.kube.drop_plans()

    @rule()
    def object_goes(self) -> None:
        """Our object is deleted."""
        if self.there:
            self.scene.cluster.delete("predictiveautoscalers", NAMESPACE, "shop")

    @rule(enabled=st.booleans())
    def object_is_written(self, enabled: bool) -> None:  # noqa: FBT001
        """Our object comes, or is changed."""
        floor(self.scene, forecast={"enabled": enabled})

    @property
    def there(self) -> bool:
        """Whether our object exists."""
        return self.scene.cluster.get("predictiveautoscalers", NAMESPACE, "shop") is not None

    @precondition(lambda self: hasattr(self, "scene"))
    @invariant()
    def within_bounds(self) -> None:
        """The owner gets at least what he asks for, and the HPA stays valid."""
        assert (self.wish or 1) <= min_replicas(self.scene) <= MAX

    def teardown(self) -> None:
        """In the end, whatever was going on: the object goes, and a new service looks."""
        if not hasattr(self, "scene"):
            return
        self.object_goes()
        self.scene = restarted(self.scene)
        asyncio.run(look(self.scene, passes=2))
        assert (min_replicas(self.scene), marks(self.scene)) == (self.wish or 1, [])
        assert hpa(self.scene)["spec"]["maxReplicas"] == MAX


def test_the_owners_value_comes_back_whatever_dies_and_whoever_writes() -> None:
    run_state_machine_as_test(Floored, settings=settings(max_examples=60, stateful_step_count=30, deadline=None))
