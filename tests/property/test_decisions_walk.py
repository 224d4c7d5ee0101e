"""Whole chains of decisions with every feature on at random: restarts, edits, faults, jumping clocks, damaged statuses.

Each test of a single rule starts from a state that somebody thought of. Here states are those that decisions themselves
lead to.
"""

import json
import math
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from autoscaler.api import parse
from autoscaler.loops import decision_row, scale_status
from autoscaler.loops.observe import Seen, Served
from autoscaler.loops.scale import first_state
from autoscaler.loops.scale_status import Outcome, Report, Result
from autoscaler.loops.status import key_of
from autoscaler.reasons import Reason
from autoscaler.scaling.decide import changed, decide, policy_of
from autoscaler.scaling.schedules.bounds import bounds
from autoscaler.scaling.types import Action, Condition, Decision, Observation, Policy, Source, State
from autoscaler.settings import ScalingSettings
from tests.property.walk_worlds import World

Json = Any

CHART = Path(__file__).parents[2] / "helm" / "foresail"
[_VERSION] = yaml.safe_load((CHART / "crds" / "predictiveautoscalers.yaml").read_text(encoding="utf-8"))["spec"]["versions"]
STATUS = _VERSION["schema"]["openAPIV3Schema"]["properties"]["status"]
MAX_AGE_S = 60.0
TICKS = 60
LONG_TICKS = 140  # of 30 s: longer than the longest window of a world, 1800 s, and some rises by a policy
DAMAGES: tuple[Json, ...] = (  # what a hand can write into a status and the API server takes
    {},
    {"scaleEvents": [{"at": "2027-01-15T08:00:00Z", "change": 2**31 - 1}, {"at": "9999-12-31T23:59:59-14:00", "change": -5}]},
    {"scaleEvents": [{"at": "0001-01-01T00:00:00+14:00", "change": 0}, {"at": "2027-01-15T08:10:00Z", "change": -(2**31)}]},
    {"conditions": [{"type": "ScaledToZero", "status": "Unknown"}, {"type": "Burst", "status": "True", "reason": "Nobody"}]},
    {"conditions": [{"type": "AbleToScale", "status": "False"}, {"type": "", "status": "True", "message": "x"}]},
    {"decision": {}, "lastChange": {"limits": [{"name": "x"}]}, "schedules": {}, "forecast": {}, "metrics": [{"name": "x"}]},
    {"currentReplicas": -1, "desiredReplicas": 2**31 - 1, "candidates": {"reactive": -7}, "observedGeneration": -1},
)
ACTING = Condition("Acting", status=True, reason=Reason.MODE_SCALE, message="what is decided may be carried out")


def faults(value: Json, schema: Json, path: str = "status") -> list[str]:
    """What the API server would refuse in a status, or drop; formats of numbers included, which JSON Schema leaves out."""
    kinds: dict[str, type | tuple[type, ...]] = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
    }
    if not isinstance(value, kinds[schema["type"]]) or (schema["type"] in {"integer", "number"} and isinstance(value, bool)):
        return [f"{path} must be of type {schema['type']}: {value!r}"]
    found = []
    match schema["type"]:
        case "integer":
            bits = 31 if schema.get("format") == "int32" else 63
            found = [] if -(2**bits) <= value < 2**bits else [f"{path} does not fit: {value}"]
        case "number":
            found = [] if math.isfinite(value) else [f"{path} is not JSON: {value}"]
        case "string":
            if value not in schema.get("enum", [value]) or len(value) > schema.get("maxLength", len(value)):
                found = [f"{path} is {value[:80]!r}"]
            if schema.get("format") == "date-time":
                datetime.fromisoformat(value)
        case "array":
            found = [one for index, row in enumerate(value) for one in faults(row, schema["items"], f"{path}[{index}]")]
        case "object":
            fields, others = schema.get("properties", {}), schema.get("additionalProperties")
            found = [f"{path}.{name} is required" for name in schema.get("required", ()) if name not in value]
            for name, inner in value.items():
                known = fields.get(name, others)
                found += faults(inner, known, f"{path}.{name}") if known else [f"{path}.{name} is unknown"]
    return found


@dataclass(slots=True)
class Walk:
    """One object from tick to tick, as the scaling loop leads it."""

    world: World
    settings: ScalingSettings
    status: Json = field(default_factory=dict)
    state: State | None = None

    def tick(self, *, calm: bool = False) -> Decision:
        """One pass: decide, check, carry out (mostly), report."""
        world, random = self.world, self.world.random
        served = self._served()
        policy = policy_of(served.autoscaler.spec, self.settings, MAX_AGE_S)
        if self.state is None:
            self.state = first_state(served, world.replicas, world.now_s, events=True)
        seen = world.observation()
        decision, after = decide(seen, policy, self.state, world.now_s)
        assert repr(decide(seen, policy, self.state, world.now_s)) == repr((decision, after))
        self._check(decision, policy)
        self.state = after
        result = Result.HELD
        if decision.action is not Action.HOLD:
            chances = [Result.DONE] if calm else [Result.DONE] * 8 + [Result.BLOCKED, Result.FAILED, Result.CONFLICT]
            result = random.choice(chances)
        if result is Result.DONE:
            self.state = changed(after, decision, policy, world.now_s)
            world.replicas, world.switched_off = decision.desired, False
        self._report(served, seen, decision, result)
        return decision

    def restart(self) -> None:
        """Forget what a process knows."""
        self.state = None

    def damage(self) -> None:
        """Let a hand write into the status."""
        self.status = {**self.status, **self.world.random.choice(DAMAGES)}

    def _served(self) -> Served:
        obj = self.world.obj(self.status)
        return Served(key_of(obj), obj, parse.predictive_autoscaler(obj))

    def _report(self, served: Served, seen: Observation, decision: Decision, result: Result) -> None:
        now_s = self.world.now_s
        report = Report(Seen(served, seen), decision, Outcome(result, decision.reason, "why"), ACTING, 60.0)
        row = decision_row.of_report(report, decision, now_s)
        after = decision_row.keep(self.status, scale_status.of_report(report, self.status, now_s), row)
        assert faults(after, STATUS) == []
        scale_status.series(report, now_s)
        self.status = json.loads(json.dumps(after, allow_nan=False))

    def _check(self, decision: Decision, policy: Policy) -> None:
        _check_bounds(decision, policy)
        _check_chain(decision)
        if self.world.blind and decision.desired < decision.current:
            _check_may_fall_blindly(decision, policy)


def _in_force(decision: Decision, policy: Policy) -> tuple[int, int]:
    active = decision.timetable.active if decision.timetable else ()
    found = bounds(policy, active)
    return found.low, found.high


def _check_bounds(decision: Decision, policy: Policy) -> None:
    low, high = _in_force(decision, policy)
    current, desired, pause = decision.current, decision.desired, policy.pause
    if pause is not None and pause.replicas is not None:
        assert desired == pause.replicas
        return
    if pause is not None and (pause.all or pause.scale_in):
        assert desired >= current
    if pause is not None and (pause.all or pause.scale_out):
        assert desired <= current
    if pause is not None:
        assert min(low, current) <= desired <= max(high, current)
    elif current == 0:
        assert desired == 0 or low <= desired <= high
    elif any(one.name == "scaling.unschedulable_hold_s" for one in decision.limits):
        assert min(current, low) <= desired <= high
    else:
        assert low <= desired <= high


def _check_chain(decision: Decision) -> None:
    limits = decision.limits
    assert decision.action is (
        Action.HOLD
        if decision.desired == decision.current
        else Action.SCALE_UP
        if decision.desired > decision.current
        else Action.SCALE_DOWN
    )
    assert all(one.before != one.after for one in limits)
    assert all(one.after == two.before for one, two in pairwise(limits))
    if limits:
        assert limits[-1].after == decision.desired
    elif decision.timetable is None:
        assert decision.desired == decision.candidates.get(Source.REACTIVE, decision.current)


def _check_may_fall_blindly(decision: Decision, policy: Policy) -> None:
    """Only a fallback, a bound or a pause that somebody wrote takes pods while a metric cannot be used."""
    _, high = _in_force(decision, policy)
    fixed = policy.pause is not None and policy.pause.replicas is not None
    fallen = Source.FALLBACK in decision.candidates and decision.desired >= min(high, decision.candidates[Source.FALLBACK])
    assert fixed or decision.current > high or fallen


def a_walk(random: Random, ticks: int) -> Walk:
    """One object after so many passes in a world that spares nothing."""
    settings = ScalingSettings(scale_to_zero=random.random() < 0.5, downscale_stabilization_s=random.choice([0, 60, 300]))
    replicas = random.choice([0, 1, 5, 30])
    walk = Walk(World(random, replicas=replicas, switched_off=replicas == 0), settings)
    for _ in range(ticks):
        walk.world.live()
        if random.random() < 0.04:
            walk.restart()
        if random.random() < 0.02:
            walk.damage()
        walk.tick()
    return walk


@pytest.mark.parametrize("seed", range(5))
def test_whatever_happens_each_decision_keeps_its_promises(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - a walk is repeated by its seed
    for _ in range(6):
        a_walk(random, TICKS)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happened_an_object_follows_its_load_again_within_the_longest_window(seed: int) -> None:
    """No memory of pauses, schedules, outages or jumps of the clock holds a count for longer than a window does."""
    walk = a_walk(Random(seed), TICKS // 2)  # noqa: S311 - likewise
    world = walk.world
    for load, least, most in (30.0, 20, 100), (2.0, 1, 10):
        world.settle(load)
        counts = []
        for _ in range(LONG_TICKS):
            world.live()
            counts.append(walk.tick(calm=True).desired)
        if world.switched_off:
            assert set(counts) == {0}
        else:
            assert least <= counts[-1] <= most, walk.status["decision"]
            last = counts[-20:]
            assert last in (sorted(last), sorted(last, reverse=True)), "it flaps"
