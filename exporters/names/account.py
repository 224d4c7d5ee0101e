"""How to reach the Kubernetes API from inside a pod: address, certificate authority and token of its service account.

The kubelet replaces the token about every hour, and the authority now and then, so both are read again at each
connection. Making the connection is left to the watch.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet puts the files of a service account into every container."""


@dataclass(frozen=True, slots=True)
class Account:
    """Address of the API and the files that prove who asks."""

    server: str
    """Beginning of every URL: scheme, host and port."""
    token_file: Path
    authority_file: Path | None
    """Certificates that vouch for the server; None asks no proof, which is for plain HTTP only."""

    def headers(self) -> dict[str, str]:
        """Return the headers of a request, with the token as it is now; raises OSError if it cannot be read."""
        token = self.token_file.read_text(encoding="ascii", errors="replace").strip()
        return {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    def trust(self) -> ssl.SSLContext | bool:
        """Return what to check the server against; raises OSError (ssl.SSLError is one) if it cannot be read."""
        return True if self.authority_file is None else ssl.create_default_context(cafile=str(self.authority_file))


class NotInClusterError(Exception):
    """The surroundings are not those of a pod with a service account; the message says what is missing."""


def in_cluster(environment: Mapping[str, str], folder: Path = FOLDER) -> Account:
    """Find the API as every pod does; raises NotInClusterError."""
    host = environment.get("KUBERNETES_SERVICE_HOST", "")
    port = environment.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise NotInClusterError("KUBERNETES_SERVICE_HOST is not set, so this is not a pod of a cluster")
    token, authority = folder / "token", folder / "ca.crt"
    for file in (token, authority):
        if not file.is_file():
            raise NotInClusterError(f"{file} is missing: the pod needs a service account with its token mounted")
    return Account(f"https://{f'[{host}]' if ':' in host else host}:{port}", token, authority)
