"""Bearer tokens that the Kubernetes API is asked about, against a real HTTP server that answers as it does."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from aiohttp import web

from exporters.names.account import Account
from exporters.web.passwords import BusyError
from exporters.web.tokens import NoAnswerError, Patience, Reviewer, Verdict, bearer
from tests.fakes.waiting import until
from tests.unit.exporters.web_rig import hashed, served, write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PROMETHEUS = {
    "username": "system:serviceaccount:monitoring:prometheus",
    "uid": "u-1",
    "groups": ["system:serviceaccounts", "system:authenticated"],
    "extra": {"authentication.kubernetes.io/pod-name": ["prometheus-0"]},
}


@dataclass
class FakeReviews:
    """Knows tokens, and who may read what."""

    users: dict[str, dict[str, Any]] = field(default_factory=lambda: {"good": PROMETHEUS})
    allowed: set[tuple[str, str, str]] = field(default_factory=lambda: {(str(PROMETHEUS["username"]), "get", "/metrics")})
    token_reviews: list[dict[str, Any]] = field(default_factory=list)
    access_reviews: list[dict[str, Any]] = field(default_factory=list)
    refuse: tuple[int, str] | None = None
    hold: asyncio.Event | None = None
    status: dict[str, Any] | None = None

    async def token(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer exporter"
        asked = await request.json()
        assert (asked["apiVersion"], asked["kind"]) == ("authentication.k8s.io/v1", "TokenReview")
        self.token_reviews.append(asked["spec"])
        if self.hold is not None:
            await self.hold.wait()
        if self.refuse is not None:
            return web.Response(status=self.refuse[0], text=self.refuse[1])
        user = self.users.get(asked["spec"]["token"])
        status = {"authenticated": True, "user": user} if user else {"user": {}, "error": "invalid bearer token"}
        return web.json_response({**asked, "status": self.status or status}, status=201)

    async def access(self, request: web.Request) -> web.Response:
        asked = await request.json()
        assert (asked["apiVersion"], asked["kind"]) == ("authorization.k8s.io/v1", "SubjectAccessReview")
        spec = asked["spec"]
        self.access_reviews.append(spec)
        wish = spec["nonResourceAttributes"]
        allowed = (spec["user"], wish["verb"], wish["path"]) in self.allowed
        return web.json_response({**asked, "status": {"allowed": allowed, "reason": ""}}, status=201)


@asynccontextmanager
async def serving_api(api: FakeReviews, folder: Path) -> AsyncIterator[Account]:
    app = web.Application()
    app.router.add_post("/apis/authentication.k8s.io/v1/tokenreviews", api.token)
    app.router.add_post("/apis/authorization.k8s.io/v1/subjectaccessreviews", api.access)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    (folder / "token").write_text("exporter\n")
    try:
        yield Account("http://{}:{}".format(*runner.addresses[0][:2]), folder / "token", None)
    finally:
        await runner.cleanup()


@pytest.fixture
def api() -> FakeReviews:
    return FakeReviews()


@pytest.fixture
async def account(api: FakeReviews, tmp_path: Path) -> AsyncIterator[Account]:
    async with serving_api(api, tmp_path) as found:
        yield found


@asynccontextmanager
async def asking(account: Account, patience: Patience | None = None) -> AsyncIterator[tuple[Reviewer, list[float]]]:
    now_s = [0.0]
    reviewer = Reviewer(account, patience or Patience(), lambda: now_s[0])
    try:
        yield reviewer, now_s
    finally:
        await reviewer.close()


async def test_who_may_get_metrics_is_let_in(api: FakeReviews, account: Account) -> None:
    async with served(account=account) as server:
        assert await server.status(authorization="Bearer good") == 200
        assert await server.status(authorization="bearer good") == 200
    assert api.token_reviews == [{"token": "good"}]
    assert api.access_reviews == [
        {
            "user": PROMETHEUS["username"],
            "uid": "u-1",
            "groups": PROMETHEUS["groups"],
            "extra": PROMETHEUS["extra"],
            "nonResourceAttributes": {"path": "/metrics", "verb": "get"},
        }
    ]


async def test_a_token_that_nobody_has_is_refused_with_401_and_one_without_the_right_with_403(
    api: FakeReviews, account: Account
) -> None:
    api.users["other"] = {"username": "other"}
    async with served(account=account) as server:
        status, headers = await server.get(authorization="Bearer made-up")
        assert (status, headers["Www-Authenticate"]) == (401, 'Bearer realm="foresail-exporter"')
        assert await server.status(authorization="Bearer other") == 403
        assert await server.status("/", authorization="Bearer good") == 403
        assert server.exporter.collections == 0


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Bearer a b", "Bearer \u00fc", "Basic Z29vZDpnb29k", "good"]
)
async def test_without_a_token_nothing_is_asked(authorization: str, api: FakeReviews, account: Account) -> None:
    async with served(account=account) as server:
        assert await server.status(authorization=authorization) == 401
        assert await server.status("/healthz", authorization=authorization) == 200
    assert api.token_reviews == []


@pytest.mark.parametrize(
    "status",
    [
        {"authenticated": False, "user": PROMETHEUS},
        {"user": PROMETHEUS},
        {"authenticated": True},
        {"authenticated": True, "user": {}},
        {"authenticated": True, "user": PROMETHEUS, "error": "cannot say"},
        {"authenticated": None, "user": None},
    ],
)
async def test_only_a_clear_yes_is_a_yes(status: dict[str, Any], api: FakeReviews, account: Account) -> None:
    api.status = status
    async with asking(account) as (reviewer, _):
        assert await reviewer.verdict("good", "/metrics", "get") is Verdict.UNKNOWN


async def test_an_answer_is_remembered_for_a_while_and_then_asked_again(api: FakeReviews, account: Account) -> None:
    async with asking(account) as (reviewer, now_s):
        for at_s in (0.0, 59.0):
            now_s[0] = at_s
            assert await reviewer.verdict("good", "/metrics", "get") is Verdict.ALLOWED
        api.users.clear()
        now_s[0] = 60.0
        assert await reviewer.verdict("good", "/metrics", "get") is Verdict.UNKNOWN
        api.users["good"] = PROMETHEUS
        now_s[0] = 70.0
        assert await reviewer.verdict("good", "/metrics", "get") is Verdict.ALLOWED
    assert len(api.token_reviews) == 3


async def test_path_and_verb_are_asked_about_each_for_itself(api: FakeReviews, account: Account) -> None:
    async with asking(account) as (reviewer, _):
        assert await reviewer.verdict("good", "/metrics", "get") is Verdict.ALLOWED
        assert await reviewer.verdict("good", "/metrics", "head") is Verdict.FORBIDDEN
        assert await reviewer.verdict("good", "/other", "get") is Verdict.FORBIDDEN
    assert len(api.access_reviews) == 3


async def test_requests_at_the_same_time_share_one_question(api: FakeReviews, account: Account) -> None:
    api.hold = asyncio.Event()
    async with asking(account) as (reviewer, _):
        asked = [asyncio.create_task(reviewer.verdict("good", "/metrics", "get")) for _ in range(8)]
        await until(lambda: api.token_reviews)
        asked[0].cancel()  # a client that leaves takes nothing from the others
        api.hold.set()
        assert await asyncio.gather(*asked[1:]) == [Verdict.ALLOWED] * 7
    assert len(api.token_reviews) == 1


async def test_memory_and_questions_are_bounded(api: FakeReviews, account: Account) -> None:
    patience = replace(Patience(), remembered=3, burst=10)
    async with asking(account, patience) as (reviewer, now_s):
        for number in range(10):
            await reviewer.verdict(f"token-{number}", "/metrics", "get")
        assert len(reviewer._remembered) == 3
        with pytest.raises(BusyError):
            await reviewer.verdict("one-more", "/metrics", "get")
        now_s[0] = patience.every_s * 1.01
        assert await reviewer.verdict("one-more", "/metrics", "get") is Verdict.UNKNOWN
    assert len(api.token_reviews) == 11


@pytest.mark.parametrize(
    ("refuse", "said"),
    [
        (
            (403, "forbidden"),
            r"tokenreviews answered 403: forbidden; bind the ClusterRole system:auth-delegator.*create on tokenr",
        ),
        ((500, "broken"), r"answered 500: broken"),
        ((429, "slow down"), r"answered 429"),
        ((200, "no json"), r"answered with what cannot be read"),
        ((200, "{}"), r"answered with what cannot be read"),
    ],
)
async def test_an_api_that_does_not_say_is_neither_a_yes_nor_a_no(
    refuse: tuple[int, str], said: str, api: FakeReviews, account: Account
) -> None:
    async with asking(account) as (reviewer, _):
        api.refuse = refuse
        with pytest.raises(NoAnswerError, match=said):
            await reviewer.verdict("good", "/metrics", "get")
        api.refuse = None
        assert await reviewer.verdict("good", "/metrics", "get") is Verdict.ALLOWED


async def test_an_api_that_is_down_is_answered_503_and_told_seldom(tmp_path: Path, api: FakeReviews) -> None:
    async with serving_api(api, tmp_path) as gone:
        pass
    async with served(account=gone) as server:
        with structlog.testing.capture_logs() as lines:
            for _ in range(3):
                status, headers = await server.get(authorization="Bearer good")
                assert (status, headers["Retry-After"]) == (503, "1")
                assert await server.status("/healthz") == 200
        assert [line["event"] for line in lines] == ["token_review_failed"]
        assert server.exporter.collections == 0


async def test_an_api_that_is_silent_is_not_waited_for_long(api: FakeReviews, account: Account) -> None:
    api.hold = asyncio.Event()
    async with asking(account, replace(Patience(), api_s=0.05)) as (reviewer, _):
        with pytest.raises(NoAnswerError, match="TimeoutError"):
            await reviewer.verdict("good", "/metrics", "get")
    api.hold.set()


async def test_an_own_token_that_cannot_be_read_is_no_yes(account: Account) -> None:
    account.token_file.unlink()
    async with asking(account) as (reviewer, _):
        with pytest.raises(NoAnswerError, match="No such file"):
            await reviewer.verdict("good", "/metrics", "get")


async def test_passwords_and_tokens_may_both_be_used(account: Account, tmp_path: Path) -> None:
    file = write(tmp_path, f"basic_auth_users: {{alice: {hashed('a')}}}")
    async with served(file, account=account) as server:
        assert await server.status(login=("alice", "a")) == 200
        assert await server.status(authorization="Bearer good") == 200
        assert await server.status(login=("alice", "b")) == 401
        status, headers = await server.get()
        assert status == 401
        assert (
            headers["Www-Authenticate"] == 'Basic realm="foresail-exporter", charset="UTF-8", Bearer realm="foresail-exporter"'
        )


def test_a_token_is_only_what_rfc_6750_allows() -> None:
    assert bearer("Bearer abc.DEF-1_~+/==") == "abc.DEF-1_~+/=="
    assert bearer("Bearer a=b") is None
    assert bearer("Token abc") is None
