"""Makes what a server needs to speak TLS out of the configuration, and reads the names in a client's certificate.

Every text is read here and handed to OpenSSL through memory, never through the disk: a key that stands in the
configuration itself must not be written anywhere, and a message can say which key of the configuration is at fault.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING

from exporters.web.section import BadWebConfigError
from exporters.web.vocabulary import ClientAuth

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exporters.web.config import Source, Tls

_VERIFY = {
    ClientAuth.NONE: ssl.CERT_NONE,
    ClientAuth.REQUEST: ssl.CERT_NONE,  # nothing would come of asking: whatever is sent is let in
    ClientAuth.VERIFY_IF_GIVEN: ssl.CERT_OPTIONAL,
    ClientAuth.REQUIRE_AND_VERIFY: ssl.CERT_REQUIRED,
}
_SAN_KINDS = frozenset({"DNS", "IP Address", "email", "URI"})


def context(config: Tls) -> ssl.SSLContext:
    """Return a context for new connections; raises BadWebConfigError."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version, made.maximum_version = config.oldest, config.newest
    made.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if not config.prefers_own_order:
        made.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    # A resumed session would skip the check of the client's certificate; scrapers keep their connections anyway.
    made.options |= ssl.OP_NO_TICKET
    made.num_tickets = 0
    made.set_alpn_protocols(["http/1.1"])
    _choose_ciphers(made, config)
    _choose_curves(made, config)
    _prove(made, config)
    _ask(made, config)
    return made


def names_of(certificate: Mapping[str, object] | None) -> frozenset[str]:
    """Return the alternative names in a certificate as ``getpeercert`` tells it, each in one spelling."""
    found = (certificate or {}).get("subjectAltName", ())
    if not isinstance(found, tuple):
        return frozenset()
    return frozenset(one_spelling(value) for kind, value in found if kind in _SAN_KINDS)


def one_spelling(name: str) -> str:
    """Write an address in its shortest form, as Go does, and leave every other name as it is."""
    try:
        return str(ipaddress.ip_address(name.strip()))
    except ValueError:
        return name


def _choose_ciphers(made: ssl.SSLContext, config: Tls) -> None:
    if config.ciphers is None:
        return
    if not config.ciphers:  # only suites of TLS 1.3 were listed, so nothing older may be spoken
        made.minimum_version = ssl.TLSVersion.TLSv1_3
        return
    try:
        made.set_ciphers(":".join(config.ciphers))
    except ssl.SSLError as error:
        raise BadWebConfigError(f"tls_server_config.cipher_suites: OpenSSL has none of them: {_reason(error)}") from error


def _choose_curves(made: ssl.SSLContext, config: Tls) -> None:
    if not config.curves:
        return
    try:
        if hasattr(made, "set_groups"):  # from Python 3.15 on
            made.set_groups(":".join(config.curves))
        else:
            made.set_ecdh_curve(config.curves[0])
    except (ssl.SSLError, ValueError) as error:
        raise BadWebConfigError(f"tls_server_config.curve_preferences: OpenSSL refuses: {error}") from error


def _prove(made: ssl.SSLContext, config: Tls) -> None:
    """Take the server's own certificate and key."""
    certificate, private_key = config.certificate.read(), config.private_key.read()
    _check_pem(config.certificate, certificate, b"CERTIFICATE-----", "certificate")
    _check_pem(config.private_key, private_key, b"PRIVATE KEY-----", "private key")
    if b"ENCRYPTED" in private_key:
        raise BadWebConfigError(
            f"{config.private_key.key}: {_place(config.private_key)} needs a pass phrase, and nobody is there to type it; "
            "write the key without one (openssl pkey -in OLD -out NEW)"
        )
    with _in_memory(certificate) as certificate_file, _in_memory(private_key) as key_file:
        try:
            made.load_cert_chain(certificate_file, key_file, password=_no_pass_phrase)
        except ssl.SSLError as error:
            raise BadWebConfigError(
                f"{config.certificate.key} and {config.private_key.key.rpartition('.')[2]}: OpenSSL cannot use "
                f"{_place(config.certificate)} with {_place(config.private_key)}: {_reason(error)}; "
                "they must be made for each other and be whole"
            ) from error


def _ask(made: ssl.SSLContext, config: Tls) -> None:
    """Ask for the certificates of clients, if that is wanted."""
    made.verify_mode = _VERIFY[config.client_auth]
    source = config.client_authority
    if source is None:
        if made.verify_mode is not ssl.CERT_NONE:
            made.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        return
    made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # as in Go: whatever is listed is trusted, not only roots
    authority = source.read()
    _check_pem(source, authority, b"CERTIFICATE-----", "certificate")
    with _in_memory(authority) as file:
        try:
            made.load_verify_locations(file)
        except ssl.SSLError as error:
            raise BadWebConfigError(f"{source.key}: OpenSSL cannot use {_place(source)}: {_reason(error)}") from error


def _check_pem(source: Source, text: bytes, mark: bytes, what: str) -> None:
    if b"-----BEGIN " not in text or mark not in text:
        raise BadWebConfigError(f"{source.key}: {_place(source)} holds no {what} in PEM form (-----BEGIN ...-----)")


def _place(source: Source) -> str:
    return source.file or "the text in this file"


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).lower().replace("_", " ")


def _no_pass_phrase() -> str:
    """Stand in for a person: without this OpenSSL would stop and ask at a terminal."""
    return ""


@contextmanager
def _in_memory(text: bytes) -> Iterator[str]:
    descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(text)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
