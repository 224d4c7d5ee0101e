"""Whatever is in a kubeconfig, there is a connection or an error of ours that names the file; nothing else is raised."""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoscaler.clients.kube.connection import connect
from autoscaler.errors import ForesailError
from autoscaler.settings import KubernetesSettings

Json = Any

GOOD: Json = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "here",
    "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "n"}}],
    "clusters": [
        {
            "name": "c",
            "cluster": {
                "server": "https://127.0.0.1:6443",
                "insecure-skip-tls-verify": True,
                "tls-server-name": "host",
                "proxy-url": "http://127.0.0.1:9",
            },
        }
    ],
    "users": [{"name": "u", "user": {"token": "t", "username": "me", "password": "secret"}}],
}
FIELDS = [
    "certificate-authority", "certificate-authority-data", "client-certificate", "client-certificate-data", "client-key",
    "client-key-data", "tokenFile", "auth-provider", "as", "exec", "server", "user", "cluster", "current-context", "name",
]  # fmt: skip
PLUGINS: list[Json] = [
    {},
    {"command": "no-such-program", "apiVersion": "v1"},
    {"command": "false", "apiVersion": "v1"},
    {"command": "./config", "apiVersion": "v1"},
    {"command": "\0", "apiVersion": "v1"},
]

many = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
texts = st.text(max_size=9) | st.sampled_from(
    ["https://", "http://[::", "YWJj", "/", ".", "config", "\0", "\n", "here", "u", "c"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)


@st.composite
def nearly(draw: st.DrawFn, valid: Json) -> Json:
    """A valid value in which some parts were replaced, dropped or added; of programs only harmless ones are named."""
    choice = draw(st.integers(0, 15))
    if choice == 0:
        return draw(anything)
    if isinstance(valid, dict):
        kept = {key: draw(nearly(value)) for key, value in valid.items() if draw(st.integers(0, 15))}
        more = {draw(st.sampled_from(FIELDS)): draw(anything) for _ in range(draw(st.integers(0, 2)))}
        if "exec" in more:
            more["exec"] = draw(st.sampled_from(PLUGINS))
        return kept | more if choice <= 5 else kept
    if isinstance(valid, list):
        return [draw(nearly(value)) for value in valid]
    return draw(scalars) if choice == 1 else valid


def _holds(raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config"
        path.write_bytes(raw)
        try:
            asyncio.run(_connect_and_close(path))
        except ForesailError as error:
            message = str(error)
            assert str(path) in message
            assert "; " in message


async def _connect_and_close(path: Path) -> None:
    connection = await connect(KubernetesSettings(kubeconfig=str(path)), {})
    await connection.close()


@many
@given(content=nearly(GOOD))
def test_any_kubeconfig_is_used_or_refused(content: Json) -> None:
    _holds(json.dumps(content).encode())


@many
@given(raw=st.binary(max_size=100))
def test_any_bytes_are_refused(raw: bytes) -> None:
    _holds(raw)
