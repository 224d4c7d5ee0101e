"""Notifications by webhook, against a receiver that is slow, refuses, redirects, or is not there."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from structlog.testing import capture_logs

from autoscaler.clients.notify.delivery import Verdict, judge, wait_s
from autoscaler.clients.notify.signing import headers, read_secrets
from autoscaler.clients.notify.webhook import WebhookNotifier
from autoscaler.clients.ports import Notice
from autoscaler.clock import ManualClock
from autoscaler.errors import InvalidSettings, Permanent, Temporary
from autoscaler.settings import NotifySettings, WebhookSettings
from autoscaler.telemetry import REGISTRY
from tests.fakes.waiting import until
from tests.fakes.webhook import FakeReceiver

SECRET = b"0123456789abcdef0123456789abcdef"
NOW_S = 1_767_225_600.5
QUICK = (0.001, 0.002)


def put_secrets(file: Path, *secrets: bytes) -> None:
    """Let a secret file hold these and no others; without any it goes away."""
    file.unlink(missing_ok=True)
    if secrets:
        file.write_text("".join(f"whsec_{base64.b64encode(secret).decode()}\n" for secret in secrets))


def a_notice(kind: str = "foresail.scaled", **data: object) -> Notice:
    return Notice(kind, NOW_S, data)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_S)


@pytest.fixture
async def receiver() -> AsyncIterator[FakeReceiver]:
    async with FakeReceiver(SECRET) as made:
        yield made


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    put_secrets(file, SECRET)
    return file


def a_notifier(receiver: FakeReceiver, clock: ManualClock, **options: object) -> WebhookNotifier:
    hook = {key: options.pop(key) for key in ("url", "url_file", "secret_file", "timeout_s", "name") if key in options}
    webhook = WebhookSettings(**{"name": "ops", "url": receiver.url, **hook})
    settings = NotifySettings(webhooks=(webhook,), **options)
    return WebhookNotifier(settings, clock=clock, random=Random(1), bounds_s=QUICK)  # noqa: S311 - jitter


def counted(result: str, name: str = "ops") -> float:
    return REGISTRY.get_sample_value("foresail_notifications_total", {"receiver": name, "result": result}) or 0.0


@asynccontextmanager
async def running(notifier: WebhookNotifier) -> AsyncIterator[WebhookNotifier]:
    task = asyncio.create_task(notifier.run())
    try:
        yield notifier
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_message_is_signed_and_says_what_when_and_about_what(
    receiver: FakeReceiver, clock: ManualClock, secret_file: Path
) -> None:
    async with running(a_notifier(receiver, clock, secret_file=str(secret_file))) as notifier:
        notifier.send(a_notice(workload="shop/web", desired=3))
        await until(lambda: receiver.received)
    (got,) = receiver.received
    assert got.signed is True
    assert got.timestamp == int(NOW_S)
    assert "." not in got.id
    assert got.headers["Content-Type"] == "application/json"
    assert got.body == {
        "type": "foresail.scaled",
        "timestamp": "2026-01-01T00:00:00.500000Z",
        "data": {"workload": "shop/web", "desired": 3},
    }


async def test_without_a_secret_a_message_is_not_signed(receiver: FakeReceiver, clock: ManualClock) -> None:
    async with running(a_notifier(receiver, clock)) as notifier:
        notifier.send(a_notice())
        await until(lambda: receiver.received)
    assert receiver.received[0].signed is None


async def test_a_failure_is_tried_again_with_the_same_id_and_body_and_a_new_time(
    receiver: FakeReceiver, clock: ManualClock, secret_file: Path
) -> None:
    receiver.statuses.extend([500])
    receiver.gate = asyncio.Event()
    async with running(a_notifier(receiver, clock, secret_file=str(secret_file))) as notifier:
        notifier.send(a_notice())
        await until(lambda: len(receiver.received) == 1)
        clock.advance(7)
        receiver.gate.set()
        await until(lambda: len(receiver.received) == 2)
    first, second = receiver.received
    assert (first.id, first.raw) == (second.id, second.raw)
    assert second.timestamp == first.timestamp + 7
    assert (first.signed, second.signed) == (True, True)


@pytest.mark.parametrize("status", [301, 400, 401, 404, 410, 418])
async def test_what_is_refused_for_good_is_not_tried_again(receiver: FakeReceiver, clock: ManualClock, status: int) -> None:
    receiver.statuses.append(status)
    receiver.headers = {"Location": receiver.url}
    before = counted("refused")
    async with running(a_notifier(receiver, clock)) as notifier:
        notifier.send(a_notice("first"))
        notifier.send(a_notice("second"))
        await until(lambda: "second" in receiver.types())
    assert receiver.types() == ["first", "second"]
    assert counted("refused") == before + 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_what_may_pass_later_is_tried_again(receiver: FakeReceiver, clock: ManualClock, status: int) -> None:
    receiver.statuses.append(status)
    before = counted("delivered")
    async with running(a_notifier(receiver, clock)) as notifier:
        notifier.send(a_notice())
        await until(lambda: counted("delivered") == before + 1)
    assert receiver.types() == ["foresail.scaled"] * 2


async def test_what_a_receiver_asks_to_wait_beyond_the_deadline_is_given_up_at_once(
    receiver: FakeReceiver, clock: ManualClock
) -> None:
    receiver.statuses.append(503)
    receiver.headers = {"Retry-After": "3601"}
    before = counted("gave_up")
    async with running(a_notifier(receiver, clock)) as notifier:
        notifier.send(a_notice())
        await until(lambda: counted("gave_up") == before + 1)
    assert len(receiver.received) == 1


async def test_a_message_is_given_up_after_its_time(receiver: FakeReceiver, clock: ManualClock) -> None:
    receiver.statuses.extend([500] * 3)
    receiver.gate = asyncio.Event()
    before = counted("gave_up")
    async with running(a_notifier(receiver, clock, give_up_after_s=60.0)) as notifier:
        notifier.send(a_notice())
        await until(lambda: receiver.received)
        clock.advance(61)
        receiver.gate.set()
        await until(lambda: counted("gave_up") == before + 1)
    assert len(receiver.received) == 1


async def test_a_receiver_that_hangs_ends_with_the_time_out(receiver: FakeReceiver, clock: ManualClock) -> None:
    receiver.gate = asyncio.Event()
    async with running(a_notifier(receiver, clock, timeout_s=0.05)) as notifier:
        notifier.send(a_notice())
        await until(lambda: len(receiver.received) >= 2)


async def test_a_receiver_that_is_down_does_not_hold_up_another(receiver: FakeReceiver, clock: ManualClock) -> None:
    async with FakeReceiver() as down:
        hooks = (WebhookSettings(name="down", url=down.url), WebhookSettings(name="up", url=receiver.url))
    notifier = WebhookNotifier(NotifySettings(webhooks=hooks), clock=clock, bounds_s=QUICK)
    async with running(notifier):
        notifier.send(a_notice("a"))
        notifier.send(a_notice("b"))
        await until(lambda: receiver.types() == ["a", "b"])
        assert REGISTRY.get_sample_value("foresail_notifications_queued", {"receiver": "down"}) == 2


async def test_the_oldest_is_dropped_and_counted_when_too_many_wait(receiver: FakeReceiver, clock: ManualClock) -> None:
    notifier = a_notifier(receiver, clock, queue_size=2)
    before = counted("dropped")
    for kind in "abc":
        notifier.send(a_notice(kind))
    assert counted("dropped") == before + 1
    async with running(notifier):
        await until(lambda: receiver.types() == ["b", "c"])


async def test_sending_never_fails_whatever_the_data(receiver: FakeReceiver, clock: ManualClock) -> None:
    loop: dict[str, object] = {}
    loop["itself"] = loop
    async with running(a_notifier(receiver, clock)) as notifier:
        notifier.send(a_notice(odd=object(), path=Path("x"), number=1 << 80))
        notifier.send(a_notice(loop=loop))
        notifier.send(replace(a_notice("last"), at_s=float("nan")))
        notifier.send(a_notice("good", nothing=float("nan")))
        await until(lambda: "good" in receiver.types())
    assert receiver.received[-1].body["data"] == {"nothing": None}


async def test_stopping_lets_what_waits_go_out(receiver: FakeReceiver, clock: ManualClock) -> None:
    notifier = a_notifier(receiver, clock)
    task = asyncio.create_task(notifier.run())
    for kind in "abc":
        notifier.send(a_notice(kind))
    await until(lambda: receiver.received)
    await notifier.stop()
    await task
    assert receiver.types() == ["a", "b", "c"]


async def test_stopping_tries_once_more_and_no_longer(receiver: FakeReceiver, clock: ManualClock) -> None:
    receiver.statuses.extend([500] * 10)
    notifier = WebhookNotifier(
        NotifySettings(webhooks=(WebhookSettings(name="ops", url=receiver.url),)), clock=clock, bounds_s=(300.0, 300.0)
    )
    before = counted("dropped")
    task = asyncio.create_task(notifier.run())
    notifier.send(a_notice())
    with capture_logs() as logs:
        await until(lambda: any(line["event"] == "notification_failed" for line in logs))
        await notifier.stop()
    await task
    assert len(receiver.received) == 2
    assert counted("dropped") == before + 1


async def test_stopping_ends_in_time_even_when_a_receiver_hangs(receiver: FakeReceiver, clock: ManualClock) -> None:
    receiver.gate = asyncio.Event()
    notifier = a_notifier(receiver, clock)
    before = counted("dropped")
    task = asyncio.create_task(notifier.run())
    notifier.send(a_notice("a"))
    notifier.send(a_notice("b"))
    await until(lambda: receiver.received)
    await notifier.stop(drain_s=0.01)
    await task
    assert counted("dropped") == before + 2


async def test_stopping_what_never_ran_does_not_wait(receiver: FakeReceiver, clock: ManualClock) -> None:
    await asyncio.wait_for(a_notifier(receiver, clock).stop(), 1)


async def test_without_receivers_it_runs_until_it_is_stopped(clock: ManualClock) -> None:
    notifier = WebhookNotifier(NotifySettings(), clock=clock)
    task = asyncio.create_task(notifier.run())
    await asyncio.sleep(0)
    notifier.send(a_notice())
    assert not task.done()
    await notifier.stop()
    await task


async def test_a_secret_that_changes_is_used_at_once(receiver: FakeReceiver, clock: ManualClock, secret_file: Path) -> None:
    put_secrets(secret_file, b"x" * 32)
    async with running(a_notifier(receiver, clock, secret_file=str(secret_file))) as notifier:
        notifier.send(a_notice())
        await until(lambda: len(receiver.received) == 1)
        put_secrets(secret_file, SECRET)
        notifier.send(a_notice())
        await until(lambda: len(receiver.received) == 2)
    assert [one.signed for one in receiver.received] == [False, True]


async def test_with_an_old_and_a_new_secret_receivers_of_either_are_content(
    receiver: FakeReceiver, clock: ManualClock, secret_file: Path
) -> None:
    put_secrets(secret_file, b"x" * 32, SECRET)
    async with running(a_notifier(receiver, clock, secret_file=str(secret_file))) as notifier:
        notifier.send(a_notice())
        await until(lambda: receiver.received)
    assert receiver.received[0].signed is True


async def test_nothing_is_sent_unsigned_while_the_secret_cannot_be_read(
    receiver: FakeReceiver, clock: ManualClock, secret_file: Path
) -> None:
    put_secrets(secret_file)
    with capture_logs() as logs:
        async with running(a_notifier(receiver, clock, secret_file=str(secret_file))) as notifier:
            notifier.send(a_notice())
            await until(lambda: logs)
            assert not receiver.received
            put_secrets(secret_file, SECRET)
            await until(lambda: receiver.received)
    assert receiver.received[0].signed is True


@pytest.mark.parametrize("content", ["", "whsec_***", "whsec_c2hvcnQ="])
def test_a_secret_that_cannot_be_used_is_named_by_its_file_and_not_shown(tmp_path: Path, content: str) -> None:
    file = tmp_path / "secret"
    file.write_text(content)
    with pytest.raises(Permanent, match=str(file)) as raised:
        read_secrets(str(file))
    assert "c2hvcnQ" not in str(raised.value)


def test_a_secret_file_that_is_missing_may_come_yet(tmp_path: Path) -> None:
    with pytest.raises(Temporary, match="nowhere"):
        read_secrets(str(tmp_path / "nowhere"))


def test_the_signature_is_that_of_the_published_example() -> None:
    # The test vector of the reference libraries of Standard Webhooks.
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}', (secret,))
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_urls_and_secrets_are_in_no_log(
    receiver: FakeReceiver, clock: ManualClock, secret_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.statuses.extend([500, 404])
    before = counted("refused")
    with capture_logs() as logs:
        async with running(a_notifier(receiver, clock, secret_file=str(secret_file))) as notifier:
            notifier.send(a_notice())
            await until(lambda: counted("refused") == before + 1)
            await receiver.stop()
            notifier.send(a_notice())
            await until(lambda: any("Connect" in str(line.get("why")) for line in logs))
    told = str(logs) + caplog.text
    assert "notification_failed" in told
    assert "very-secret" not in told
    assert base64.b64encode(SECRET).decode() not in told


@pytest.mark.parametrize(
    "url", ["", "ftp://x/?very-secret", "http://", "http://x:port/very-secret", "http://[::very-secret/", "x"]
)
def test_a_receiver_whose_url_cannot_be_used_stops_the_start_and_is_named(url: str) -> None:
    settings = NotifySettings(webhooks=(WebhookSettings(name="ops", url=url),))
    with pytest.raises(InvalidSettings, match=r"notify.webhooks\[0\] \(ops\): url") as raised:
        WebhookNotifier(settings)
    assert "very-secret" not in str(raised.value)


@pytest.mark.parametrize("both", [{}, {"url": "http://a/very-secret", "url_file": "/etc/url"}])
def test_a_receiver_without_a_url_or_with_two_stops_the_start_and_is_named(both: dict[str, str]) -> None:
    settings = NotifySettings(webhooks=(WebhookSettings(name="ops", **both),))
    with pytest.raises(InvalidSettings, match=r"notify.webhooks\[0\] \(ops\): url or url_file") as raised:
        WebhookNotifier(settings)
    assert "very-secret" not in str(raised.value)


async def test_a_url_from_a_file_is_read_for_each_try_and_a_file_that_is_wrong_may_be_mended(
    receiver: FakeReceiver, clock: ManualClock, tmp_path: Path
) -> None:
    file = tmp_path / "url"
    before = counted("delivered")

    def why(line: object) -> str:
        return str(line.get("why")) if isinstance(line, dict) else ""

    with capture_logs() as logs:
        async with running(a_notifier(receiver, clock, url="", url_file=str(file))) as notifier:
            notifier.send(a_notice())
            await until(lambda: any("is it mounted?" in why(line) for line in logs))
            for content in (b"ftp://very-secret", b"\xffvery-secret", b"http://very-secret/\nhttp://a/"):
                logs.clear()
                file.write_bytes(content)
                await until(lambda: any("URL file" in why(line) for line in logs))
            file.write_text(f"{receiver.url}\n")
            await until(lambda: counted("delivered") == before + 1)
    assert "very-secret" not in str(logs)


def test_two_receivers_of_one_name_are_refused() -> None:
    one = WebhookSettings(name="ops", url="http://a/")
    with pytest.raises(InvalidSettings, match=r"notify.webhooks\[1\].*ops"):
        WebhookNotifier(NotifySettings(webhooks=(one, one)))


@pytest.mark.parametrize(
    ("header", "expected"),
    [("3", 3.0), ("-1", 0.0), ("Thu, 01 Jan 2026 00:01:00 GMT", 59.5), ("soon", None), (None, None)],
)
def test_retry_after_is_read_in_both_forms(header: str | None, expected: float | None) -> None:
    assert judge(503, header, NOW_S).retry_after_s == expected


def test_waits_grow_from_a_second_to_five_minutes_with_full_jitter_and_retry_after_wins() -> None:
    random, bounds = Random(1), (1.0, 300.0)  # noqa: S311 - jitter
    for failures in range(1, 2000, 7):
        step = min(300.0, 2.0 ** min(failures - 1, 10))
        waits = [wait_s(failures, None, random, bounds) for _ in range(20)]
        assert all(0 <= wait <= step for wait in waits)
    assert len(set(waits)) == 20
    assert max(waits) > 150
    assert wait_s(9, 17.0, random, bounds) == 17.0


@pytest.mark.parametrize("header", ["0", "nan", "-1", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_receiver_that_asks_for_no_wait_is_not_called_without_a_pause(header: str) -> None:
    asked_s = judge(503, header, NOW_S).retry_after_s
    assert wait_s(1, asked_s, Random(1), (1.0, 300.0)) == 1.0  # noqa: S311 - jitter


def test_only_2xx_is_delivered() -> None:
    assert {status for status in range(100, 600) if judge(status, None, 0).verdict is Verdict.DELIVERED} == set(range(200, 300))
