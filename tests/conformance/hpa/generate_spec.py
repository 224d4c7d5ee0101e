"""Random specs of an HPA, and answers of the metrics APIs for their metrics. For `generate`."""

import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.conformance.hpa.generate import World

Json = dict[str, Any]
AMOUNTS = {  # targets of one pod or of all, with their milli-units
    "10": 10_000,
    "1": 1000,
    "500m": 500,
    "333m": 333,
    "1m": 1,
    "7": 7000,
    "2500m": 2500,
    "1k": 1_000_000,
    "64Mi": 67_108_864_000,
    "1e3": 1_000_000,
    "1e9": 10**12,
    "10P": 10**19,
}
TOLERANCES = ["0", "0.01", "50m", "75m", "0.1", "0.25", "57m", "1", "0.300", "1.5", "1e-1"]
HUGE = (
    "10P",
    "9300T",
    "1e16",
    "10000000000000000",
    "9300000000000k",
    "9300000000M",
    "100000000000000000000",
    "9Ei",
    "20Ei",
    "8Pi",
)
HUGE += (
    "-10P",
    "-1500u",
    "-1500n",
    "1.0000000000000000001",
    "-12345678901234567890n",
    "0.0000000001",
    "12345.678901234567890123",
    "9223372036854775807m",
)
INT32_MAX = 2**31 - 1


# --- specs


def a_spec(chance: random.Random, count: int, *, can_be_zero: bool) -> Json:
    """A spec that the API server takes, for a target of about so many pods."""
    metrics = [_metric(chance) for _ in range(chance.choice([1, 1, 1, 2, 2, 3]))]
    if can_be_zero and chance.random() < 0.6:
        metrics = [_metric(chance, chance.choice(["Object", "External"])), *metrics[1:]]
    at_zero = can_be_zero and any(one["type"] in {"Object", "External"} for one in metrics)
    low = chance.choice([1, 1, 1, max(1, count // 2), max(1, count), 2])
    low = chance.choice([0, 0, low]) if at_zero else low
    high = max(low, 1, chance.choice([1, count, count + 1, 2 * count, 10, 100, 1000, 1000, INT32_MAX]))
    spec: Json = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
        "minReplicas": low,
        "maxReplicas": high,
        "metrics": metrics,
    }
    if low == 1 and chance.random() < 0.2:
        del spec["minReplicas"]
    if chance.random() < 0.03:
        spec["metrics"] = []  # cpu at 80 %
        spec["minReplicas"] = max(1, low)
    return with_other_rules(chance, spec) if chance.random() < 0.6 else spec


def restless_spec(chance: random.Random) -> Json:
    """A spec that asks for as many pods as the load says, with rules of its own."""
    target = {"type": "AverageValue", "averageValue": "10"}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
        "minReplicas": chance.choice([1, 1, 3]),
        "maxReplicas": chance.choice([10, 100, 100]),
        "metrics": [{"type": "External", "external": {"metric": {"name": "queue"}, "target": target}}],
    }
    return with_other_rules(chance, spec)


def with_other_rules(chance: random.Random, spec: Json) -> Json:
    """The same spec with another `behavior`, or none: what is remembered by then may count again, or no more."""
    behavior = {name: _rules(chance) for name in ("scaleUp", "scaleDown") if chance.random() < 0.7}
    plain = {name: value for name, value in spec.items() if name != "behavior"}
    return plain | ({"behavior": behavior} if chance.random() < 0.9 else {})


def _rules(chance: random.Random) -> Json:
    policies = [
        {
            "type": chance.choice(["Pods", "Percent"]),
            "value": chance.choice([1, 1, 2, 4, 5, 10, 10, 10, 20, 33, 50, 55, 90, 99, 100, 101, 110, 200, 900, INT32_MAX]),
            "periodSeconds": chance.choice([1, 15, 15, 30, 45, 60, 300, 1800]),
        }
        for _ in range(chance.randint(1, 3))
    ]
    rules = {
        "stabilizationWindowSeconds": chance.choice([0, 0, 1, 15, 30, 45, 60, 300, 3600]),
        "selectPolicy": chance.choice(["Max", "Min", "Max", "Min", "Disabled"]),
        "policies": policies,
        "tolerance": chance.choice(TOLERANCES),
    }
    return {name: value for name, value in rules.items() if chance.random() < 0.5}


def _metric(chance: random.Random, kind: str = "") -> Json:
    kind = kind or chance.choice(["Resource", "Resource", "ContainerResource", "Pods", "Object", "External", "External"])
    name = chance.choice(["cpu", "cpu", "memory"])
    match kind:
        case "Resource":
            return {"type": kind, "resource": {"name": name, "target": _by_pod(chance)}}
        case "ContainerResource":
            container = chance.choices(["app", "proxy", "sidecar", "nowhere"], [85, 6, 6, 3])[0]
            return {"type": kind, "containerResource": {"name": name, "container": container, "target": _by_pod(chance)}}
        case "Pods":
            target = {"type": "AverageValue", "averageValue": chance.choice(list(AMOUNTS))}
            return {"type": kind, "pods": {"metric": _identifier(chance, ["lag", "rps"]), "target": target}}
        case "Object":
            described = chance.choice(
                [
                    {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "front"},
                    {"apiVersion": "v1", "kind": "Namespace", "name": "default"},
                    {"kind": "Service", "name": "shop"},
                ]
            )
            source = {"describedObject": described, "metric": _identifier(chance, ["hits", "waits"]), "target": _of_all(chance)}
            return {"type": kind, "object": source}
        case _:
            return {"type": kind, "external": {"metric": _identifier(chance, ["queue", "jobs"]), "target": _of_all(chance)}}


def _by_pod(chance: random.Random) -> Json:
    if chance.random() < 0.6:
        return {
            "type": "Utilization",
            "averageUtilization": chance.choice([1, 10, 50, 60, 80, 80, 99, 100, 101, 200, INT32_MAX]),
        }
    return {"type": "AverageValue", "averageValue": chance.choice([*AMOUNTS, "100m", "80m"])}


def _of_all(chance: random.Random) -> Json:
    amount = chance.choice(list(AMOUNTS))
    if chance.random() < 0.5:
        return {"type": "Value", "value": amount}
    return {"type": "AverageValue", "averageValue": amount}


def _identifier(chance: random.Random, names: list[str]) -> Json:
    selectors = [
        {"matchLabels": {"queue": "fast", "area": "1"}},
        {"matchExpressions": [{"key": "queue", "operator": "In", "values": ["a", "b"]}, {"key": "x", "operator": "Exists"}]},
        {},
    ]
    return {"name": chance.choice(names)} | ({"selector": chance.choice(selectors)} if chance.random() < 0.2 else {})


# --- load


def load_of(world: "World") -> Json:
    """Return the answers of all metrics APIs in one tick."""
    load: Json = {"Pod": {}, "Object": {}, "External": {}}
    metrics = world.spec["metrics"] or [{"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 80}}}]
    for metric in metrics:
        failed = world.either(0.07)
        match metric["type"]:
            case "Pods":
                name, milli = metric["pods"]["metric"]["name"], AMOUNTS[metric["pods"]["target"]["averageValue"]]
                load["Pod"][name] = None if failed else _values(world, milli)
            case "Object":
                load["Object"][metric["object"]["metric"]["name"]] = (
                    None if failed else _item(world, _total(world, metric["object"]))
                )
            case "External":
                load["External"][metric["external"]["metric"]["name"]] = None if failed else _items(world, metric["external"])
            case _:
                source = metric.get("resource") or metric["containerResource"]
                load["PodMetrics"] = None if failed else _usage(world, source)
    return load


def _usage(world: "World", source: Json) -> list[Json]:
    """PodMetrics of the pods; what they use of the other resource is any amount."""
    chance, target = world.chance, source["target"]
    items = []
    stranger = {"metadata": {"name": "stranger", "labels": {"app": "shop"}}, "spec": {"containers": [{"name": "app"}]}}
    for pod in [*world.pods, *([stranger] if world.either(0.05) else [])]:
        if world.either(0.08):
            continue
        names = [one["name"] for one in pod["spec"]["containers"]]
        names += [one["name"] for one in pod["spec"].get("initContainers", ()) if one.get("restartPolicy")]
        containers = []
        for name in names:
            usage = {}
            for resource in ("cpu", "memory"):
                milli = _asked(pod, name, resource) * min(target.get("averageUtilization", 0), 10**6) // 100
                if "averageValue" in target:
                    milli = {**AMOUNTS, "100m": 100, "80m": 80}[target["averageValue"]] // (
                        1 if source.get("container") else len(names)
                    )
                usage[resource] = _quantity(world, milli, resource)
            if world.either(0.01):
                usage.pop(chance.choice(["cpu", "memory"]))
            containers.append({"name": name, "usage": usage})
        if world.either(0.01):
            containers.pop()
        items.append(
            {
                "metadata": {"name": pod["metadata"]["name"], "namespace": "default", "labels": pod["metadata"]["labels"]},
                "timestamp": world.stamp(chance.choice([0, 0, 1, 15, 30, 60])),
                "window": chance.choice(["30s", "15s", "1m0s", "0s", "10.5s"]),
                "containers": containers,
            }
        )
    return items


def _asked(pod: Json, container: str, resource: str) -> int:
    """The request of a container in milli-units, roughly: only to make loads that are near a target."""
    found = [*pod["spec"]["containers"], *pod["spec"].get("initContainers", ())]
    text = next(
        (one.get("resources", {}).get("requests", {}).get(resource, "0") for one in found if one["name"] == container), "0"
    )
    for suffix, factor in (("Mi", 2**20 * 1000), ("Gi", 2**30 * 1000), ("Ki", 2**10 * 1000), ("m", 1), ("M", 10**9)):
        if text.endswith(suffix):
            return int(float(text.removesuffix(suffix)) * factor)
    return int(float(text) * 1000)


def _values(world: "World", milli: int) -> list[Json]:
    """A Pods metric of the pods."""
    items = []
    for pod in world.pods:
        if world.either(0.9):
            item = _item(world, milli)
            item["describedObject"] = {"kind": "Pod", "name": pod["metadata"]["name"]}
            items.append(item | ({"windowSeconds": 30} if world.either(0.3) else {}))
    return items


def _total(world: "World", source: Json) -> int:
    """The load of all pods that would just be carried."""
    target = source["target"]
    return AMOUNTS[target["value"]] if "value" in target else AMOUNTS[target["averageValue"]] * max(1, world.count)


def _items(world: "World", source: Json) -> list[Json]:
    parts = world.chance.choice([0, 1, 1, 1, 2, 3])
    return [_item(world, _total(world, source) // parts) for _ in range(parts)]


def _item(world: "World", milli: int) -> Json:
    return {"value": _quantity(world, milli, ""), "timestamp": world.stamp(world.chance.choice([0, 15, 30]))}


def _quantity(world: "World", milli: int, resource: str) -> str:
    """An amount near the level of load, as one of the forms that an API may write."""
    chance = world.chance
    spread = chance.choice([1.0, 1.0, 1.0, chance.uniform(0.7, 1.3)])
    exact = int(milli * world.level * spread) + chance.choice([0, 0, 0, 0, 1, -1, 7])
    if chance.random() < 0.01:
        exact = chance.choice([0, 10**15, 9 * 10**17, 4 * 10**18, -1, -1000, -(10**15)]) if resource == "" else 10**15
    if resource:
        exact = max(0, exact)
        if resource == "" and chance.random() < 0.5:
            return chance.choice(HUGE)
    match chance.choice("mmmnuk"):
        case "n" if abs(exact) < 10**9:
            return f"{exact * 10**6 + chance.choice([0, 1, -1, 499_999])}n" if exact > 0 else f"{exact * 10**6}n"
        case "u" if abs(exact) < 10**12:
            return f"{exact * 1000}u"
        case "k" if resource == "memory":
            return f"{exact // 1_024_000}Ki"
        case _:
            return f"{exact // 1000}" if exact % 1000 == 0 else f"{exact}m"
