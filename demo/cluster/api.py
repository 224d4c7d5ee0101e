"""A few plain reads of the API server from outside the namespace, for waiting without starting kubectl again and again."""

import http.client
import json
import ssl
from pathlib import Path
from typing import Any

_DEADLINE_S = 5.0


class Api:
    """Reads the API server behind 127.0.0.1:`port` with the administrator's certificate."""

    def __init__(self, port: int, pki: Path) -> None:
        self._port = port
        self._tls = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._tls.load_cert_chain(pki / "admin.crt", pki / "admin.key")

    def get(self, path: str) -> str | None:
        """Return the body of a good answer; None for any other answer, and while nobody answers."""
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=_DEADLINE_S, context=self._tls)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        return body if answer.status == http.HTTPStatus.OK else None

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
