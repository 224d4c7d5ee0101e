from autoscaler.api.types import LabelSelector, LabelSelectorRequirement, SelectorOperator
from autoscaler.loops.pods import PodIndex, Pods
from tests.builders import a_pod
from tests.unit.loops.scenes import NAMESPACE, Scene

SHOP = LabelSelector(match_labels={"app": "shop"})


def names(pods: Pods, selector: LabelSelector, namespace: str = "default") -> list[str]:
    return [pod.name for pod in pods.select(namespace, selector)]


def test_pods_are_found_by_all_parts_of_a_selector_in_the_order_of_their_names() -> None:
    pods = Pods.of(
        [
            a_pod("b", labels={"app": "shop", "tier": "web"}),
            a_pod("a", labels={"app": "shop", "tier": "web"}),
            a_pod("c", labels={"app": "shop", "tier": "db"}),
            a_pod("d", labels={"app": "shop"}, namespace="other"),
        ]
    )
    assert names(pods, SHOP) == ["a", "b", "c"]
    assert names(pods, LabelSelector(match_labels={"app": "shop", "tier": "web"})) == ["a", "b"]
    not_db = LabelSelectorRequirement(key="tier", operator=SelectorOperator.NOT_IN, values=("db",))
    assert names(pods, LabelSelector(match_labels={"app": "shop"}, match_expressions=(not_db,))) == ["a", "b"]
    assert names(pods, LabelSelector(match_expressions=(not_db,))) == ["a", "b"]
    assert names(pods, SHOP, "nowhere") == []


def test_a_pod_that_changed_is_seen_as_it_is_now() -> None:
    scene = Scene()
    scene.deploy(replicas=3)
    index = PodIndex(scene.stores.pods, scene.stores.replica_sets)
    before = index.look().all
    assert [pod.ready for pod in before] == [True, True, True]
    assert index.look().all[0] is before[0]
    scene.break_one()
    assert sorted(bool(pod.ready) for pod in index.look().all) == [False, True, True]


def test_an_owner_that_comes_late_is_found_though_the_pod_has_not_changed() -> None:
    scene = Scene()
    scene.deploy(replicas=1)
    replica_set = scene.cluster.get("replicasets", NAMESPACE, "shop-abc")
    assert replica_set is not None
    scene.cluster.delete("replicasets", NAMESPACE, "shop-abc")
    index = PodIndex(scene.stores.pods, scene.stores.replica_sets)
    assert index.look().all[0].workload is None
    scene.cluster.put("replicasets", replica_set)
    workload = index.look().all[0].workload
    assert workload is not None
    assert (workload.kind, workload.name) == ("Deployment", "shop")
