"""A few plain requests to the API server from outside the namespace, without starting kubectl again and again."""

import http.client
import json
import ssl
from pathlib import Path
from typing import Any

from demo.cluster.errors import ClusterError

_DEADLINE_S = 5.0


class Api:
    """Asks the API server behind 127.0.0.1:`port` with the administrator's certificate."""

    def __init__(self, port: int, pki: Path) -> None:
        self._port = port
        self._tls = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._tls.load_cert_chain(pki / "admin.crt", pki / "admin.key")

    def get(self, path: str) -> str | None:
        """Return the body of a good answer; None for any other answer, and while nobody answers."""
        try:
            status, body = self._send("GET", path)
        except (OSError, http.client.HTTPException):
            return None
        return body if status == http.HTTPStatus.OK else None

    def merge(self, path: str, change: dict[str, Any]) -> None:
        """Lay a change over an object (RFC 7396); raises ClusterError with the API server's words, OSError when it is away."""
        status, body = self._send("PATCH", path, json.dumps(change), {"Content-Type": "application/merge-patch+json"})
        if status != http.HTTPStatus.OK:
            raise ClusterError(f"changing {path} was answered {status}: {body}")

    def _send(self, method: str, path: str, text: str | None = None, headers: dict[str, str] | None = None) -> tuple[int, str]:
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=_DEADLINE_S, context=self._tls)
        try:
            connection.request(method, path, text, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()

    def object(self, path: str) -> dict[str, Any] | None:
        """Return an object of the API; None when there is none, and while nobody answers."""
        body = self.get(path)
        return None if body is None else dict(json.loads(body))


def node_is_usable(node: dict[str, Any] | None) -> bool:
    """Tell whether a Node is Ready and takes pods."""
    if node is None:
        return False
    conditions = {one["type"]: one["status"] for one in node.get("status", {}).get("conditions", [])}
    return conditions.get("Ready") == "True" and not node["spec"].get("taints")
