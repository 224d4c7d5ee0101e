"""Certificates and keys of a kubeconfig: from a file or as base64, and whether there is one at all in what was found."""

import base64
import binascii
import ssl
from dataclasses import dataclass

from autoscaler.clients.kube.kubeconfig.files import Entry

_LARGEST_BYTES = 2**20
_RENEW = "write the kubeconfig anew, or copy the whole value again"


@dataclass(frozen=True, slots=True)
class _Found:
    """What a field leads to, how to name it, and the field as the library should get it."""

    content: bytes
    where: str
    fields: dict[str, str]


def authority(cluster: Entry) -> dict[str, str]:
    """Return the field with the certificates that the API server's is checked by; none: the system's."""
    found = _find(cluster, "certificate-authority")
    if found is None:
        return {}
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=found.content.decode("ascii", errors="ignore"))
    except (ssl.SSLError, ValueError) as error:
        raise cluster.fault(f"{found.where} holds no certificate in PEM form ({_reason(error)})", _RENEW) from error
    return found.fields


def client_pair(user: Entry) -> dict[str, str]:
    """Return the fields with the certificate and the key of a user; none when it has neither."""
    certificate, key = _find(user, "client-certificate"), _find(user, "client-key")
    if certificate is None and key is None:
        return {}
    if certificate is None:
        raise user.fault("there is a client-key, but no client-certificate", "write both, or neither")
    if b"CERTIFICATE-----" not in certificate.content:
        raise user.fault(f"{certificate.where} holds no certificate in PEM form", _RENEW)
    source = key or certificate  # one file may hold both
    if b"PRIVATE KEY-----" not in source.content:
        raise user.fault(f"{source.where} holds no private key in PEM form", _RENEW)
    if b"ENCRYPTED" in source.content:
        remedy = "take it off with: openssl pkey -in KEY -out KEY-WITHOUT"
        raise user.fault(f"the private key in {source.where} has a pass phrase, which nobody is there to type", remedy)
    return certificate.fields | source.fields if key else certificate.fields


def _find(entry: Entry, key: str) -> _Found | None:
    """Return what a field leads to; data counts more than a file."""
    if entry.has(data := f"{key}-data"):
        text = entry.text(data)
        try:
            return _Found(base64.b64decode("".join(text.split()), validate=True), data, {data: text})
        except (binascii.Error, ValueError) as error:
            raise entry.fault(f"{data} is not base64 ({error})", _RENEW) from error
    if not entry.has(key):
        return None
    path = entry.path(key)
    try:
        if path.exists() and not path.is_file():
            raise entry.fault(f"{key} {path} is no file", "name the file that holds it, in PEM form")
        with path.open("rb") as stream:
            return _Found(stream.read(_LARGEST_BYTES), f"{key} {path}", {key: str(path)})
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        remedy = f"put the file there, or change {key}; a relative path starts at the folder of the kubeconfig"
        raise entry.fault(f"{key} {path} cannot be read: {cause}", remedy) from error


def _reason(error: Exception) -> str:
    return getattr(error, "reason", None) or str(error)
