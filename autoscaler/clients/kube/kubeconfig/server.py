"""The cluster of a kubeconfig: where its API server is, and how it proves to be the one."""

import re
from typing import Any
from urllib.parse import SplitResult, urlsplit

from autoscaler.clients.kube.kubeconfig.files import Entry
from autoscaler.clients.kube.kubeconfig.pem import authority

_HOST = re.compile(r"[^\s/?#@%<>\"{}|\\^`\[\]]+")
_LONGEST_LABEL = 63  # characters between two dots of a host name
_EXAMPLE = "write it as https://HOST:PORT"


def is_encrypted(cluster: Entry) -> bool:
    """Say whether the connection uses TLS."""
    return cluster.text("server").startswith("https:")


def cluster_fields(cluster: Entry) -> dict[str, Any]:
    """Return what the library needs to know of a cluster; raises Permanent for what it could not use."""
    if not cluster.has("server"):
        raise cluster.fault("it has no server, the address of the API server", _EXAMPLE)
    server = cluster.text("server")
    if cause := _wrong_address(server, ("https", "http")):
        raise cluster.fault(f"server {cause}", _EXAMPLE)
    found: dict[str, Any] = {"server": server}
    if is_encrypted(cluster):
        found |= authority(cluster)
    if cluster.truth("insecure-skip-tls-verify"):
        found["insecure-skip-tls-verify"] = True
    if cluster.has("tls-server-name"):
        found["tls-server-name"] = cluster.text("tls-server-name")
    if cluster.has("proxy-url"):
        found["proxy-url"] = cluster.text("proxy-url")
        if cause := _wrong_address(found["proxy-url"], ("http", "https"), with_user=True):
            raise cluster.fault(
                f"proxy-url {cause}", "write it as http://HOST:PORT; other kinds of proxies cannot be used here"
            )
    return found


def _wrong_address(url: str, schemes: tuple[str, ...], *, with_user: bool = False) -> str:
    """Return what is wrong with a URL, without the URL, as there may be a password in it; nothing when it can be used."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "is no URL, or its port is no number from 1 to 65535"
    if not url.startswith(tuple(f"{scheme}://" for scheme in schemes)):
        return f"does not begin with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    if port == 0 or not _is_host(host, parts):
        return "names no host that can be reached"
    if "@" in parts.netloc and not with_user:
        return "holds a user name, which belongs to users"
    if parts.query or parts.fragment or not url.isprintable() or " " in url:
        return "holds a query, a fragment or white space"
    return ""


def _is_host(host: str, parts: SplitResult) -> bool:
    if "[" in parts.netloc:  # urlsplit has looked at the IPv6 address
        return True
    labels = host.removesuffix(".").split(".")
    return _HOST.fullmatch(host) is not None and all(0 < len(label) <= _LONGEST_LABEL for label in labels)
