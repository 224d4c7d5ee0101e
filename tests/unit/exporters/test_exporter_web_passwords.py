"""Basic authentication, headers and the rate limit, over real connections."""

from __future__ import annotations

import asyncio
import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import structlog

from exporters.web import passwords
from exporters.web.passwords import BusyError, Credentials, Passwords, Queue, credentials
from exporters.web.rate import Bucket, Seldom
from tests.fakes.waiting import until
from tests.unit.exporters.web_rig import hashed, served, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONG = "x" * 72


@pytest.fixture(scope="module")
def users() -> str:
    known = {"alice": "secret", "bär": "größer €", "empty": "", "long": LONG, "": "nameless"}
    return "basic_auth_users:\n" + "".join(f'  "{name}": {hashed(password)}\n' for name, password in known.items())


@pytest.mark.parametrize(
    ("login", "status"),
    [
        (("alice", "secret"), 200),
        (("bär", "größer €"), 200),
        (("empty", ""), 200),
        (("", "nameless"), 200),
        (("long", LONG), 200),
        (("long", LONG + "more"), 200),  # bcrypt looks at 72 bytes, here as in Go
        (("long", LONG[:-1]), 401),
        (("alice", "Secret"), 401),
        (("alice", ""), 401),
        (("alice", "secret\0"), 401),
        (("alice ", "secret"), 401),
        (("Alice", "secret"), 401),
        (("bob", "secret"), 401),
        (("bob", ""), 401),
        (("bär", "größer ?"), 401),
        (("", ""), 401),
    ],
)
async def test_only_the_right_name_with_the_right_password_gets_in(
    login: tuple[str, str], status: int, users: str, tmp_path: Path
) -> None:
    async with served(write(tmp_path, users)) as server:
        assert await server.status(login=login) == status
        assert await server.status(login=login) == status  # the second time from memory
        assert server.exporter.collections == (2 if status == 200 else 0)


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !",
        "Basic " + base64.b64encode(b"alice").decode(),
        "Basic " + base64.b64encode(b"alice:secret").decode() + "!",
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "Bearer " + base64.b64encode(b"alice:secret").decode(),
        "alice:secret",
        "Digest username=alice",
        "Basic " + "ü" * 10,
    ],
)
async def test_whoever_proves_nothing_is_asked_for_a_password(authorization: str, users: str, tmp_path: Path) -> None:
    async with served(write(tmp_path, users)) as server:
        for path in ("/metrics", "/", "/nothing", "/metrics/", "//metrics", "/healthz/../metrics"):
            status, headers = await server.get(path, authorization=authorization)
            assert status == 401
            assert headers["Www-Authenticate"] == 'Basic realm="foresail-exporter", charset="UTF-8"'
        assert server.exporter.collections == 0


async def test_health_checks_are_open_as_the_kubelet_has_no_password(users: str, tmp_path: Path) -> None:
    async with served(write(tmp_path, users)) as server:
        assert await server.status("/healthz") == 200
        assert await server.status("/readyz") == 200
        assert await server.status("/healthz", login=("alice", "wrong")) == 200


async def test_users_change_without_a_restart_and_an_old_password_is_forgotten(users: str, tmp_path: Path) -> None:
    async with served(write(tmp_path, users)) as server:
        assert await server.status(login=("alice", "secret")) == 200
        write(tmp_path, f"basic_auth_users: {{alice: {hashed('new')}}}")
        assert await server.status(login=("alice", "secret")) == 401
        assert await server.status(login=("alice", "new")) == 200


async def test_a_file_that_is_empty_for_a_moment_does_not_open_the_door(users: str, tmp_path: Path) -> None:
    async with served(write(tmp_path, users)) as server:
        for text in ("", "# soon\n"):
            write(tmp_path, text)
            assert await server.status() == 401
            assert await server.status(login=("alice", "secret")) == 200
        write(tmp_path, "basic_auth_users:\n")  # said in so many words
        assert await server.status() == 200


def test_what_is_sent_does_not_show_itself_by_accident() -> None:
    given = credentials("basic " + base64.b64encode(b"alice:se:cret").decode())
    assert given == Credentials(b"alice", b"se:cret")
    assert "se:cret" not in repr(given)


@pytest.fixture
def queue() -> Iterator[Queue]:
    with ThreadPoolExecutor(1) as thread:
        yield Queue(thread)


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes]]:
    """What bcrypt was asked: the only way to see work that must or must not be done."""
    seen: list[tuple[bytes, bytes]] = []
    real = passwords._fits

    def noting(password: bytes, against: bytes) -> bool:
        seen.append((password, against))
        return real(password, against)

    monkeypatch.setattr(passwords, "_fits", noting)
    return seen


async def test_a_good_password_is_worked_out_once_and_a_bad_one_every_time(
    queue: Queue, checks: list[tuple[bytes, bytes]]
) -> None:
    known = Passwords({"alice": hashed("secret")}, queue)
    for _ in range(3):
        assert await known.fit(Credentials(b"alice", b"secret"))
    assert len(checks) == 1
    for _ in range(3):
        assert not await known.fit(Credentials(b"alice", b"wrong"))
    assert len(checks) == 4


async def test_a_name_that_is_not_known_costs_what_a_wrong_password_costs(
    queue: Queue, checks: list[tuple[bytes, bytes]]
) -> None:
    known = Passwords({"alice": hashed("a", 5), "bob": hashed("b", 4)}, queue)
    assert not await known.fit(Credentials(b"nobody", b"a"))
    assert not await known.fit(Credentials(b"alice", b"wrong"))
    (_, for_nobody), (_, for_alice) = checks
    assert for_nobody[4:6] == for_alice[4:6] == b"05"


async def test_checks_do_not_hold_up_the_loop_and_are_bounded(queue: Queue) -> None:
    known = Passwords({"alice": hashed("a")}, queue)
    go_on = threading.Event()
    queue.thread.submit(go_on.wait, 10)  # the thread is at work
    tries = [asyncio.create_task(known.fit(Credentials(b"alice", b"%d" % number))) for number in range(20)]
    await until(lambda: sum(one.done() for one in tries) == 4)
    assert [type(one.exception()) for one in tries if one.done()] == [BusyError] * 4
    for one in tries[:3]:  # clients that leave do not make room before their checks are done
        one.cancel()
    await asyncio.sleep(0)
    assert queue.waiting == 16
    go_on.set()
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert results[3:16] == [False] * 13
    await until(lambda: queue.waiting == 0)
    assert await known.fit(Credentials(b"alice", b"a"))


async def test_too_many_checks_at_once_are_answered_503(users: str, tmp_path: Path) -> None:
    async with served(write(tmp_path, users)) as server:
        server.gate.queue.waiting = 16
        status, headers = await server.get(login=("alice", "secret"))
        assert (status, headers["Retry-After"]) == (503, "1")
        server.gate.queue.waiting = 0
        assert await server.status(login=("alice", "secret")) == 200


async def test_headers_are_on_every_answer(tmp_path: Path) -> None:
    text = """
    http_server_config:
      headers: {X-Frame-Options: deny, Strict-Transport-Security: max-age=31536000, X-XSS-Protection: 1}
    basic_auth_users: {alice: %s}
    """
    async with served(write(tmp_path, text % hashed("a"))) as server:
        for path, login in (("/metrics", ("alice", "a")), ("/metrics", None), ("/no", ("alice", "a")), ("/healthz", None)):
            _, headers = await server.get(path, login=login)
            assert headers["X-Frame-Options"] == "deny"
            assert headers["Strict-Transport-Security"] == "max-age=31536000"
            assert headers["X-Xss-Protection"] == "1"
        write(tmp_path, f"basic_auth_users: {{alice: {hashed('a')}}}")
        assert "X-Frame-Options" not in (await server.get())[1]


async def test_requests_beyond_the_rate_are_refused_but_not_health_checks(tmp_path: Path) -> None:
    async with served(write(tmp_path, "rate_limit: {interval: 1h, burst: 2}")) as server:
        assert [await server.status() for _ in range(3)] == [200, 200, 429]
        assert await server.status("/healthz") == 200


def test_a_bucket_fills_up_again_but_not_beyond_its_brim() -> None:
    now_s = [0.0]
    bucket = Bucket(0.5, 2, lambda: now_s[0])
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    now_s[0] = 0.5
    assert [bucket.take() for _ in range(2)] == [True, False]
    now_s[0] = 1000.0
    assert [bucket.take() for _ in range(3)] == [True, True, False]


def test_a_line_that_is_held_back_is_counted() -> None:
    now_s = [0.0]
    seldom = Seldom(60.0, lambda: now_s[0])
    assert [seldom.due(), seldom.due(), seldom.due()] == [{}, None, None]
    now_s[0] = 60.0
    assert seldom.due() == {"not_logged_before": 2}


async def test_the_log_says_who_is_let_in_and_nothing_secret(users: str, tmp_path: Path) -> None:
    async with served(write(tmp_path, users)) as server:
        with structlog.testing.capture_logs() as lines:
            server.gate.tell()
            await server.get(login=("alice", "not the secret"))
            await server.get(authorization="Bearer not-the-secret")
        assert [line["event"] for line in lines] == ["web_guarded", "web_secrets_in_the_clear", "unauthorized"]
        assert lines[0]["users"] == 5
        assert lines[2]["sent"] == "Basic"
        assert "secret" not in repr(lines[0]) + repr(lines[2])
        assert "$2" not in repr(lines)
