"""The receiver of webhooks: writes down what arrives, from the service and from Alertmanager, and checks the signature.

One JSON line a message goes to `--out`: `{"at": 1790000000.0, "path": "/foresail", "signed": true, "body": {…}}`. A body
over 1 MiB is refused; what is not JSON is answered 400.
"""

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Annotated

import typer
from aiohttp import web

TOLERANCE_S = 300.0  # of the Standard Webhooks scheme, against replays


def signed_by(secret: bytes, headers: dict[str, str], body: bytes, now_s: float) -> bool:
    """Say whether a message carries a valid, recent signature (Standard Webhooks 1.0)."""
    try:
        identity, stamp = headers["webhook-id"], headers["webhook-timestamp"]
        recent = abs(now_s - float(stamp)) <= TOLERANCE_S
        sent = [part.partition(",")[2] for part in headers["webhook-signature"].split() if part.startswith("v1,")]
    except (KeyError, ValueError):
        return False
    expected = base64.b64encode(hmac.digest(secret, f"{identity}.{stamp}.".encode() + body, hashlib.sha256)).decode()
    return recent and any(hmac.compare_digest(expected, one) for one in sent)


def application(out: Path, secret: bytes) -> web.Application:
    """Return the receiver as an aiohttp application."""

    async def receive(request: web.Request) -> web.Response:
        body = await request.read()
        try:
            message = json.loads(body)
        except ValueError:
            return web.Response(status=400, text="the body is not JSON\n")
        headers = {name.lower(): value for name, value in request.headers.items()}
        signed = signed_by(secret, headers, body, time.time())
        record = {"at": time.time(), "path": request.path, "signed": signed, "body": message}
        with out.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(record) + "\n")
        return web.Response(status=204)

    app = web.Application(client_max_size=1024 * 1024)
    app.router.add_post("/foresail", receive)
    app.router.add_post("/alertmanager", receive)
    return app


def main(
    host: Annotated[str, typer.Option(help="Address to listen on, inside the cluster's network namespace")],
    port: Annotated[int, typer.Option(help="Port to listen on")],
    out: Annotated[Path, typer.Option(help="File for what arrives, JSON lines")],
    secret_file: Annotated[Path, typer.Option(help="File with the shared secret (whsec_ + base64)")],
) -> None:
    """Receive webhooks until ended."""
    secret = base64.b64decode(secret_file.read_text(encoding="utf-8").strip().removeprefix("whsec_"))
    web.run_app(application(out, secret), host=host, port=port, print=None)


if __name__ == "__main__":
    typer.run(main)
