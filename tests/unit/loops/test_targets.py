import re

import pytest

from autoscaler.api.selector import matches
from autoscaler.api.selector_text import parse_selector
from autoscaler.clients.ports import Target
from autoscaler.errors import Permanent
from autoscaler.loops.targets import MissingTarget, SeenTarget, is_empty, look_at
from tests.unit.loops.scenes import NAMESPACE, Scene


@pytest.mark.parametrize(
    ("text", "labels", "wanted"),
    [
        ("app=shop", {"app": "shop"}, True),
        ("app=shop", {"app": "cart"}, False),
        ("app==shop,tier!=db", {"app": "shop", "tier": "web"}, True),
        ("app=shop,tier!=db", {"app": "shop", "tier": "db"}, False),
        ("app in (shop,cart),!canary", {"app": "cart"}, True),
        ("app in (shop, cart),!canary", {"app": "cart", "canary": "1"}, False),
        ("app notin (shop)", {}, True),
        ("canary", {"canary": ""}, True),
        ("app in (shop,)", {"app": ""}, True),
        ("app=", {"app": ""}, True),
        ("app=shop,app=cart", {"app": "shop"}, False),
        ("in in (in,notin)", {"in": "notin"}, True),
    ],
)
def test_the_text_form_of_a_selector_means_what_kubernetes_means(text: str, labels: dict[str, str], wanted: bool) -> None:  # noqa: FBT001
    assert matches(parse_selector(text), labels) is wanted


def test_an_empty_selector_is_recognised_as_it_would_match_all() -> None:
    assert is_empty(parse_selector(""))
    assert not is_empty(parse_selector("a=b"))


def test_a_selector_that_is_not_understood_is_an_error_and_not_a_guess() -> None:
    for text in (
        "a within b",
        "a in b",
        "a=(b",
        "a b",
        "a in ()",
        "a,",
        "a,,b",
        "=b",
        "!",
        "!a=b",
        "a==b==c",
        "-a",
        "a=b c",
        "a>1",
    ):
        with pytest.raises(ValueError, match=re.escape(repr(text))):
            parse_selector(text)


async def test_a_kind_that_is_watched_needs_no_request() -> None:
    scene = Scene()
    scene.deploy(replicas=3)
    seen = await look_at(Target("apps/v1", "Deployment", NAMESPACE, "shop"), scene.stores, scene.kube)
    assert isinstance(seen, SeenTarget)
    assert seen.spec_replicas == 3
    assert scene.kube.calls == []


async def test_another_kind_is_asked_for_at_the_api_server() -> None:
    scene = Scene()
    scene.cluster.put(
        "replicasets",
        {
            "metadata": {"namespace": NAMESPACE, "name": "bare"},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "bare"}}},
        },
    )
    seen = await look_at(Target("apps/v1", "ReplicaSet", NAMESPACE, "bare"), scene.stores, scene.kube)
    assert isinstance(seen, SeenTarget)
    assert (seen.spec_replicas, seen.selector.match_labels) == (2, {"app": "bare"})


async def test_a_kind_that_cannot_be_scaled_is_missing_and_not_an_exception() -> None:
    scene = Scene()
    scene.kube.fail("get_scale", Permanent("no kind Unicorn in example.org/v1"))
    seen = await look_at(Target("example.org/v1", "Unicorn", NAMESPACE, "u"), scene.stores, scene.kube)
    assert isinstance(seen, MissingTarget)
    assert not seen.not_found
    assert "Unicorn default/u" in seen.message
