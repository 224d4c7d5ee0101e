"""The metric that tells how old the caches are."""

from autoscaler.clients.kube.client import KubeClient
from autoscaler.clock import ManualClock
from autoscaler.compose import _caches
from autoscaler.telemetry import REGISTRY


async def test_over_several_namespaces_the_oldest_cache_counts(client: KubeClient) -> None:
    clock = ManualClock(100.0)
    caches = _caches(client, ("a", "b"), clock)
    pods = [reflector for reflector in caches.reflectors if reflector.resource.plural == "pods"]
    for reflector, heard_s in zip(pods, (60.0, 90.0), strict=True):
        reflector._heard_s = heard_s
    assert caches.stores.pods.age_s() == 40
    assert REGISTRY.get_sample_value("foresail_watch_age_seconds", {"resource": "pods"}) == 40
