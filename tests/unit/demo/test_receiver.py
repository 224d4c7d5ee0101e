"""The receiver of webhooks: it writes down what arrives and knows a signed message from any other."""

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer

from demo.observe import Tail, message
from demo.receiver import application, signed_by

SECRET = b"0123456789abcdef0123456789abcdef"


def signature(body: bytes, stamp: str, identity: str = "msg_1", secret: bytes = SECRET) -> dict[str, str]:
    digest = hmac.digest(secret, f"{identity}.{stamp}.".encode() + body, hashlib.sha256)
    value = "v1," + base64.b64encode(digest).decode()
    return {"webhook-id": identity, "webhook-timestamp": stamp, "webhook-signature": value}


def test_a_right_signature_is_accepted_and_a_wrong_one_is_not() -> None:
    body = b'{"type": "foresail.scaled"}'
    good = signature(body, "1000")
    assert signed_by(SECRET, good, body, 1010.0)
    assert not signed_by(SECRET, good, body + b" ", 1010.0)
    assert not signed_by(b"another secret", good, body, 1010.0)
    assert not signed_by(SECRET, {}, body, 1010.0)


def test_an_old_message_is_not_taken_again() -> None:
    body = b"{}"
    assert not signed_by(SECRET, signature(body, "1000"), body, 2000.0)


async def test_what_arrives_is_written_down(tmp_path: Path) -> None:
    out = tmp_path / "webhooks.jsonl"
    body = json.dumps({"type": "foresail.scaled", "data": {"object": {"name": "shop"}, "message": "2 to 5"}}).encode()
    async with TestClient(TestServer(application(out, SECRET))) as client:
        answer = await client.post("/foresail", data=body, headers=signature(body, str(int(time.time()))))
        assert answer.status == 204
        assert (await client.post("/foresail", data=b"not JSON")).status == 400
    (line,) = Tail(out).lines()
    arrived = message(line, start_s=line["at"] - 5.0)
    assert (arrived.type, arrived.signed, arrived.text) == ("foresail.scaled", True, "shop: 2 to 5")
    assert arrived.second == 5.0


def test_a_line_that_is_not_whole_waits_for_the_next_look(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b'{"a": 1}\n{"b"')
    tail = Tail(path)
    assert list(tail.lines()) == [{"a": 1}]
    assert list(tail.lines()) == []
    with path.open("ab") as file:
        file.write(b": 2}\n")
    assert list(tail.lines()) == [{"b": 2}]
