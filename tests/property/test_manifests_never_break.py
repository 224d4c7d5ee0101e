"""Whatever bytes are fed to `foresail validate`, it ends with 0, 1 or 2 and a text, and never with an exception."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from autoscaler.cli import app
from autoscaler.manifests import Outcome, check

GOOD = b"""apiVersion: foresail.dev/v1alpha1
kind: PredictiveAutoscaler
metadata: {name: shop, namespace: market, labels: {app: shop}}
spec:
  scaleTargetRef: &ref {kind: Deployment, name: shop}
  mode: Scale
  maxReplicas: 5
  metrics:
  - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}
---
apiVersion: foresail.dev/v1alpha1
kind: HealingPolicy
metadata: {name: heal}
spec: {mode: Heal, selector: {matchLabels: {app: shop}}, faults: {notReady: {}}}
"""
PIECES = [
    b"---\n", b"...\n", b"- ", b"? ", b": ", b"{", b"}", b"[", b"]", b"&a ", b"*a", b"<<: *ref\n", b"!!int ", b"!!binary ",
    b"!x ", b"|\n", b">\n", b"'", b'"', b"\\", b"\t", b"\0", b"\xff", b"\xef\xbb\xbf", b"%YAML 9\n", b"# ", b"~", b"1e999",
    b"2021-99-99", b".nan", b"kind: List\nitems:\n", b"kind: ", b"spec: ", b"metadata: ", b"\x1b[2J", b"\xe2\x80\xa8", b"\n",
]  # fmt: skip

many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good manifest in which some pieces were dropped, put in, repeated or moved."""
    raw = GOOD
    for _ in range(draw(st.integers(1, 6))):
        start, end = sorted((draw(st.integers(0, len(raw))), draw(st.integers(0, len(raw)))))
        new = draw(st.sampled_from([*PIECES, b"", raw[start:end] * 2]) | st.binary(max_size=4))
        end = draw(st.sampled_from([start, min(end, start + 8), end]))
        raw = raw[:start] + new + raw[end:]
    return raw


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3), max_leaves=8
)
nearly = st.fixed_dictionaries(
    {},
    optional={
        "apiVersion": st.just("foresail.dev/v1alpha1") | anything,
        "kind": st.sampled_from(["PredictiveAutoscaler", "HealingPolicy", "List", "ConfigMap"]) | anything,
        "metadata": st.fixed_dictionaries({}, optional={"name": scalars, "namespace": scalars, "labels": anything}) | anything,
        "spec": anything,
        "items": st.lists(anything, max_size=3),
    },
)


def _holds(raw: bytes) -> None:
    ended = CliRunner().invoke(app, ["validate", "-"], input=raw)
    assert ended.exception is None or isinstance(ended.exception, SystemExit), raw
    assert ended.exit_code in {0, 1, 2}
    assert ended.output
    assert all(line.isprintable() for line in ended.output.splitlines())
    outcomes = {verdict.outcome for verdict in check(raw)}
    assert (ended.exit_code == 0) is (Outcome.VALID in outcomes and Outcome.WRONG not in outcomes)


@many
@given(raw=st.binary(max_size=200))
def test_any_bytes_are_answered(raw: bytes) -> None:
    _holds(raw)


@many
@given(raw=damaged())
def test_any_damaged_manifest_is_answered(raw: bytes) -> None:
    _holds(raw)


@many
@given(objects=st.lists(nearly, min_size=1, max_size=3))
def test_any_yaml_is_answered(objects: list[Any]) -> None:
    _holds("\n---\n".join(map(json.dumps, objects)).encode())
