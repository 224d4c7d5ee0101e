"""Any text for a flag of the exporter is taken or refused with a sentence, and what is taken can be used."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, TypeVar

from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from exporters.server import HEALTH, READINESS
from exporters.web_flags import listen_address, telemetry_path

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

many = settings(max_examples=300, deadline=None)
letters = st.text(st.sampled_from("09:.[]/%?#_-~aZé \n\0*"), max_size=12)
anything = letters | st.text(max_size=12)


def taken(read: Callable[[str], T], text: str) -> T | None:
    """What is read from a text; None when it is refused, with a sentence that names it."""
    try:
        return read(text)
    except argparse.ArgumentTypeError as error:
        said = str(error)
    assert said.startswith(repr(text))
    assert "; write " in said
    return None


async def answer(_: web.Request) -> web.Response:
    return web.Response()


@many
@given(text=anything | st.builds("{}:{}".format, letters, st.integers(-5, 70_000)))
def test_any_text_for_the_address_is_taken_or_refused(text: str) -> None:
    address = taken(listen_address, text)
    if address is not None:
        host, port = address
        assert 0 <= port <= 65535
        assert host is None or host.isascii()
        assert host is None or all(len(label) <= 63 for label in host.split(".")), "looking it up is a UnicodeError"


@many
@given(text=anything | anything.map("/{}".format))
def test_any_text_for_the_path_is_taken_or_refused_and_what_is_taken_can_be_asked_for(text: str) -> None:
    path = taken(telemetry_path, text)
    if path is not None:
        app = web.Application()
        for one in {path, path.rstrip("/") or "/", HEALTH, READINESS}:
            app.router.add_get(one, answer)
        assert URL(f"http://localhost:9109{path}").raw_path == path
