"""Whether the registry of Go's modules answers is known before a first start begins."""

from pathlib import Path

import pytest
from aiohttp import web

from demo.cluster.registries import module_proxies, unreachable
from tests.fakes.loopback import LoopbackServer


@pytest.mark.parametrize(
    ("value", "proxies"),
    [
        ("https://a.example/,direct", ["https://a.example"]),
        ("https://a.example|http://b.example/go", ["https://a.example", "http://b.example/go"]),
        ("off", []),
        ("direct", []),
        ("file:///mirror", []),
    ],
)
def test_the_proxies_are_those_of_the_environment(value: str, proxies: list[str]) -> None:
    assert module_proxies({"GOPROXY": value}) == proxies


def test_without_them_those_of_gos_own_settings_count_and_then_what_go_says(tmp_path: Path) -> None:
    settings = tmp_path / "go" / "env"
    settings.parent.mkdir()
    settings.write_text("GOFLAGS=-x\nGOPROXY=https://own.example\n")
    for environ in ({"XDG_CONFIG_HOME": str(tmp_path)}, {"GOENV": str(settings)}):
        assert module_proxies(environ) == ["https://own.example"]
    assert module_proxies({"HOME": str(tmp_path)}) == []
    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    go.write_text("#!/bin/sh\necho https://default.example,direct\n")
    go.chmod(0o755)
    assert module_proxies({"HOME": str(tmp_path), "PATH": str(go.parent)}) == ["https://default.example"]


def test_one_that_answers_is_enough_and_otherwise_all_are_named_without_passwords() -> None:
    environ = {"GOPROXY": "https://me:secret@a.example,https://b.example"}
    assert unreachable(environ, lambda url: url == "https://b.example") == ""
    assert unreachable(environ, lambda _: False) == "https://a.example and https://b.example"
    assert unreachable({"GOPROXY": "off"}, lambda _: False) == ""


class _Refusing(LoopbackServer):
    """Answers with 404."""

    async def handle(self, _request: web.Request) -> web.Response:
        return web.Response(status=404)


async def test_a_registry_that_refuses_is_there_and_one_that_is_gone_is_not() -> None:
    import asyncio  # noqa: PLC0415 - only here

    async with _Refusing() as server:
        url = server.url
        assert await asyncio.to_thread(unreachable, {"GOPROXY": url}) == ""
    assert await asyncio.to_thread(unreachable, {"GOPROXY": url}) == url
