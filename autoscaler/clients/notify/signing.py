"""Signatures of the Standard Webhooks scheme (version 1.0.0 of its specification), so that a receiver knows who speaks.

    signature = "v1," + base64(HMAC-SHA256(secret, id + "." + timestamp + "." + body))

The secret file holds `whsec_` and base64, one a line; with several, a message carries a signature for each, so that a secret
can be changed without a gap. It is read again for each attempt, as mounted secrets change.
"""

import base64
import binascii
import hashlib
import hmac
from pathlib import Path

from autoscaler.errors import Permanent, Temporary

_PREFIX = "whsec_"
_SHORTEST_BYTES = 24  # of the specification


def read_secrets(file: str) -> tuple[bytes, ...]:
    """Return the secrets of a file. Raises Temporary when it cannot be read now, Permanent when it holds no usable secret."""
    try:
        lines = Path(file).read_text().split()
    except (OSError, UnicodeDecodeError) as problem:
        raise Temporary(f"reading the secret file {file}: {problem}; is it mounted?") from problem
    secrets = tuple(_decoded(line, file) for line in lines)
    if not secrets:
        raise Permanent(f"the secret file {file} is empty; it must hold {_PREFIX} and base64")
    return secrets


def headers(message_id: str, at_s: int, body: bytes, secrets: tuple[bytes, ...]) -> dict[str, str]:
    """Return the headers of one attempt, sent at a time in whole seconds since the epoch; without secrets it is not signed."""
    told = {"webhook-id": message_id, "webhook-timestamp": str(at_s)}
    if secrets:
        told["webhook-signature"] = " ".join(_signature(secret, message_id, at_s, body) for secret in secrets)
    return told


def _signature(secret: bytes, message_id: str, at_s: int, body: bytes) -> str:
    digest = hmac.new(secret, f"{message_id}.{at_s}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _decoded(text: str, file: str) -> bytes:
    try:
        secret = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise Permanent(f"the secret file {file} holds something that is not {_PREFIX} and base64") from None
    if len(secret) < _SHORTEST_BYTES:
        raise Permanent(f"the secret file {file} holds a secret of {len(secret)} bytes; at least {_SHORTEST_BYTES} are safe")
    return secret
