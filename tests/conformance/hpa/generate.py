"""Random cases for the whole of the HPA, with weight on its edges: the oracle's `case.go` says what a case is made of.

A case is one object over some reconciles. Its clock starts at 2000-01-01, so that moments can sit exactly on the edges of
windows and periods. The world moves on roughly as if somebody scaled by the load; what really comes of a tick
is for both sides to say.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.conformance.hpa.generate_spec import a_spec, load_of, restless_spec, with_other_rules

Json = dict[str, Any]
START = datetime(2000, 1, 1, tzinfo=UTC)
LEVELS = (0, 0.001, 0.1, 0.3, 0.5, 0.7, 0.89, 0.9, 0.91, 0.95, 0.99, 1, 1, 1, 1.01, 1.05, 1.09, 1.1, 1.11, 1.3, 2, 3, 10, 1000)
INT32_MAX = 2**31 - 1
SELECTORS = ("app=shop", "app in (shop,web)", "app=shop,!canary", "app!=web", "app=shop,tier notin (b)", "app==shop", "app")
NO_SELECTORS = ("", "app in shop", "app=(shop", "a b")


@dataclass(slots=True)
class World:
    """What a case has come to while it is made."""

    chance: random.Random
    largest: int
    sync: float
    init: int
    delay: int
    at_s: float = 0.0
    count: int = 1  # of pods, roughly
    level: float = 1.0  # of load, in parts of the target
    spec: Json = field(default_factory=dict)
    pods: list[Json] = field(default_factory=list)
    born: int = 0

    def either(self, probability: float) -> bool:
        return self.chance.random() < probability

    def stamp(self, ago_s: float = 0.0) -> str:
        """A moment before now, in whole seconds."""
        return (START + timedelta(seconds=int(self.at_s - ago_s))).isoformat().replace("+00:00", "Z")


def a_case(chance: random.Random, *, largest: int = 12, most_ticks: int = 12) -> Json:
    """A case of about so many pods and ticks at most."""
    size = chance.choice([1, 1, 2, 3, largest, largest])
    if most_ticks > 6 and chance.random() < 0.005:
        size, most_ticks = 150, 3
    world = World(
        chance,
        size,
        sync=chance.choice([15, 15, 15, 15, 15, 5, 1, 0.5, 30, 60, 299]),
        init=chance.choice([300, 300, 0, 15, 60, 120]),
        delay=chance.choice([30, 30, 0, 10, 300]),
    )
    case: Json = {
        "Sync": world.sync,
        "Window": chance.choice([300, 300, 300, 0, 1, 15, 45, 60, 3600]),
        "Tolerance": chance.choice([0.1, 0.1, 0.1, 0, 0.05, 0.2, 0.5]),
        "Init": world.init,
        "Delay": world.delay,
        "ScaleToZero": chance.random() < 0.2,
    }
    if world.either(0.06):
        case["Rival"] = chance.choice(["app=shop", "app=web", "canary", "tier notin (a)"])
    if most_ticks > 1 and world.either(0.2):
        case["Ticks"] = _restless(world, 3 * most_ticks)
        return case
    world.count = chance.choice([1, size, size, max(1, size // 2), 0 if world.either(0.1) else size])
    steady = world.either(0.4)
    count = chance.choice([1, min(2, most_ticks), chance.randint(1, most_ticks), most_ticks])
    case["Ticks"] = [_tick(world, case, first=index == 0, steady=steady) for index in range(count)]
    return case


def _tick(world: World, case: Json, *, first: bool, steady: bool) -> Json:
    chance, tick = world.chance, Json()
    if world.either(0.15):
        tick["Late"] = chance.choice([0.125, 0.5, 1, 2.5, 7, 15, 44.875])
    world.at_s += world.sync + tick.get("Late", 0)
    if first or world.either(0.15 if case["ScaleToZero"] else 0.06):
        world.spec = tick["Spec"] = a_spec(chance, world.count, can_be_zero=case["ScaleToZero"])
        world.level = chance.choice(LEVELS)
    elif world.either(0.06):
        world.spec = tick["Spec"] = with_other_rules(chance, world.spec)
    _scale(world, tick, first=first)
    if first or world.either(0.5):
        none = 0 if case["ScaleToZero"] and world.either(0.5) else 1
        world.level = none * chance.choice(
            [world.level, chance.choice(LEVELS), chance.choice(LEVELS) * chance.uniform(0.97, 1.03)]
        )
    if first or not steady or world.either(0.3):
        _live(world, steady=steady)
        tick["Pods"] = world.pods = [*world.pods]
    tick.update(load_of(world))
    if world.either(0.03):
        tick["ScaleError"] = "shop"
    if world.either(0.04):
        tick["WriteError"] = "no"
    return tick


def _restless(world: World, count: int) -> list[Json]:
    """Many reconciles of a load that tells the count it wants and jumps about: for windows, periods and their memory."""
    chance, ticks = world.chance, []
    world.spec = restless_spec(chance)
    highest = wanted = chance.choice([5, 12, 40])
    for index in range(count):
        tick: Json = {"Late": chance.choice([0.5, 1, 15])} if world.either(0.1) else {}
        world.at_s += world.sync + tick.get("Late", 0)
        if index == 0:
            tick |= {
                "Spec": world.spec,
                "Replicas": chance.choice([chance.randint(1, highest), 10, 50]),
                "Status": 1,
                "Selector": "app=shop",
            }
        elif world.either(0.1):
            world.spec = tick["Spec"] = with_other_rules(chance, world.spec)
        if world.either(0.7):
            wanted = chance.choice([chance.randint(1, highest), 10, 30, 50, 60])
        items = [{"value": f"{wanted * 10}", "timestamp": world.stamp()}]
        ticks.append(tick | {"External": {"queue": None if world.either(0.03) else items}})
        if world.either(0.02):
            tick["WriteError"] = "no"
    return ticks


def _scale(world: World, tick: Json, *, first: bool) -> None:
    """The scale, and what others do with it."""
    chance, spec = world.chance, world.spec
    low, high = spec.get("minReplicas", 1), spec["maxReplicas"]
    if first or world.either(0.07):
        beyond = [0, min(high + 1, INT32_MAX), max(0, low - 1), INT32_MAX, chance.randint(0, 3 * world.largest)]
        tick["Replicas"] = chance.choice(beyond) if world.either(0.15 if first else 0.7) else world.count
    if first or world.either(0.4):
        guess = [
            world.count,
            world.count,
            world.count,
            tick.get("Replicas", world.count),
            chance.randint(0, world.largest + 2),
            0,
        ]
        tick["Status"] = chance.choice(guess)
    if first or world.either(0.02):
        tick["Selector"] = chance.choice(SELECTORS if not first else ("app=shop",) * 8 + SELECTORS)
        if world.either(0.03):
            tick["Selector"] = chance.choice(NO_SELECTORS)


# --- pods


def _live(world: World, *, steady: bool) -> None:
    """Let pods come, go and change; about as many as somebody would have asked for."""
    chance = world.chance
    if world.pods and world.either(0.5):
        wanted = max(1, round(world.count * min(world.level, 3)))
        world.count = min(wanted, world.spec["maxReplicas"], 2 * world.largest)
    surge = 0 if steady else chance.choice([0, 0, 0, 1, max(1, world.count // 4), world.count])
    kept = world.pods[: world.count]
    if surge or (not steady and world.either(0.2)):
        kept = kept[len(kept) // 3 :]  # a roll-out: old ones go, new ones come
    fresh = range(world.count + surge - len(kept))
    world.pods = [pod if world.either(0.8) or steady else _aged(world, pod) for pod in kept]
    world.pods += [a_pod(world, steady=steady or world.either(0.3)) for _ in fresh]


def a_pod(world: World, *, steady: bool) -> Json:
    """A pod that runs and has long been Ready, or one at some edge."""
    chance = world.chance
    world.born += 1
    names = ["app", "proxy"][: chance.choice([1, 1, 1, 2])]
    containers = [{"name": name, "resources": {"requests": _requests(chance)}} for name in names]
    pod: Json = {
        "metadata": {
            "name": f"shop-{world.born}",
            "namespace": "default",
            "uid": str(world.born),
            "labels": {"app": "shop"},
        },
        "spec": {"containers": containers},
        "status": {
            "phase": "Running",
            "startTime": world.stamp(4000),
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": world.stamp(3900)}],
        },
    }
    return pod if steady else _aged(world, _odd(world, pod))


def _requests(chance: random.Random) -> Json:
    cpu = chance.choice(["100m", "100m", "250m", "1", "0.333", f"{chance.randint(0, 900)}m", "1500m"])
    return {"cpu": cpu, "memory": chance.choice(["64Mi", "128Mi", "1Gi", "100M", "1e8", f"{chance.randint(1, 10**6)}Ki"])}


def _odd(world: World, pod: Json) -> Json:
    """A pod with something about it that is seldom."""
    chance, spec = world.chance, pod["spec"]
    if world.either(0.02):
        pod["metadata"]["labels"] = chance.choice(
            [{"app": "web"}, {"app": "shop", "canary": "1"}, {"app": "shop", "tier": "b"}, {}]
        )
    if world.either(0.02):
        spec["containers"][-1]["resources"] = chance.choice([{}, {"requests": {"memory": "1Mi"}}, {"requests": {"cpu": "0"}}])
    if world.either(0.05):
        policy = {"restartPolicy": "Always"} if world.either(0.6) else {}
        asked = {"resources": {"requests": _requests(chance)}} if world.either(0.8) else {}
        spec["initContainers"] = [{"name": "sidecar", **policy, **asked}, {"name": "init", **asked}][: chance.choice([1, 2])]
    if world.either(0.05):
        whole = [{"cpu": "700m"}, {"cpu": "1", "memory": "1Gi"}, {"memory": "200Mi"}, {"hugepages-2Mi": "4Mi"}, {}]
        spec["resources"] = {"requests": chance.choice(whole)}
    if world.either(0.03):
        spec["overhead"] = {"cpu": "10m", "memory": "1Mi"}
    return pod


def _aged(world: World, pod: Json) -> Json:
    """The same pod in another state, often just at the end of a period."""
    chance, was = world.chance, pod["status"]
    pod = {**pod, "metadata": dict(pod["metadata"]), "status": {**was}}
    status = pod["status"]
    match chance.choice(["young", "young", "unready", "unready", "pending", "failed", "done", "going", "bare", "lost", "well"]):
        case "young":
            start = _near(chance, [world.init, world.init / 2, 0, 20])
            status["startTime"] = world.stamp(start)
            status["conditions"] = [_ready(world, _near(chance, [0, 15, 30, 60, 61, 75, start]))]
        case "unready":
            ready = _near(chance, [10, 200, 1000])
            status["startTime"] = world.stamp(ready + _near(chance, [world.delay, world.delay / 2, 0, 500]))
            status["conditions"] = [_ready(world, ready, "False")]
        case "pending":
            status["phase"] = "Pending"
            if world.either(0.5):
                status.pop("startTime", None)
                status["conditions"] = []
        case "failed":
            status["phase"] = "Failed"
        case "done":
            status["phase"] = chance.choice(["Succeeded", "Unknown"])
        case "going":
            pod["metadata"]["deletionTimestamp"] = world.stamp(-30)
        case "bare":
            status.pop(chance.choice(["startTime", "conditions"]), None)
        case "lost":
            status["conditions"] = [_ready(world, _near(chance, [5, 30, 400]), "Unknown")]
        case _:
            status["phase"] = "Running"
            status["startTime"] = world.stamp(4000)
            status["conditions"] = [_ready(world, 3900, "True")]
    return pod


def _ready(world: World, ago_s: float, status: str | None = None) -> Json:
    said = status or world.chance.choice(["True", "True", "False"])
    at = None if world.either(0.03) else world.stamp(ago_s)
    return {"type": "Ready", "status": said, "lastTransitionTime": at}


def _near(chance: random.Random, edges: Sequence[float]) -> float:
    return max(0.0, chance.choice(edges) + chance.choice([0, 0, 0, -1, 1]))
