"""Fresh cases against the real controller, where it can be asked: with Go, and Kubernetes' modules in the cache."""

import os
import random

import pytest

from demo.cluster.cache import Cache
from demo.cluster.gobuild import find_go
from tests.conformance.hpa.run import compared

HAS_MODULES = any((Cache.locate().go / "mod" / "k8s.io").glob("kubernetes@*"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_go() is None or not HAS_MODULES, reason="needs Go and the modules that the embedded cluster fetches"
    ),
]


def test_ours_does_as_the_real_controller_does_in_cases_that_nobody_has_seen(capsys: pytest.CaptureFixture[str]) -> None:
    seed = 1 if "CI" in os.environ else random.randrange(10**6)  # noqa: S311 - a change is judged by what it changed
    wrong = compared(seed, 500)
    assert wrong == 0, capsys.readouterr().out
