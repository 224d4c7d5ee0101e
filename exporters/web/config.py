"""The web configuration as exporter-toolkit defines it: read from its file into one frozen tree.

Format: https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md. Nothing is guessed and
nothing is passed over in silence: what cannot be done as it is written is refused, with its key and what to write.
Reading certificates and checking passwords is left to ``tls`` and ``passwords``.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from exporters.web.section import BadWebConfigError, Section, missing_package
from exporters.web.small_file import read_small
from exporters.web.vocabulary import CIPHERS, CLIENT_AUTH, CURVES, HEADERS, OLD_VERSIONS, UNVERIFIED, VERSIONS, ClientAuth

_TOP = ("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit")
_SOURCES = ("cert", "key", "client_ca")
_TLS = (
    *_SOURCES,
    *(f"{source}_file" for source in _SOURCES),
    "client_auth_type",
    "client_allowed_sans",
    "min_version",
    "max_version",
    "cipher_suites",
    "prefer_server_cipher_suites",
    "curve_preferences",
)
_BCRYPT = re.compile(r"\$2[aby]\$(?P<cost>\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}", re.ASCII)
_COSTS = range(4, 32)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a text in PEM comes from: a file, or the configuration itself."""

    key: str
    """Full name of the key that gave it, for messages."""
    file: str = ""
    text: str = field(default="", repr=False)

    def read(self) -> bytes:
        """Return the text as it is now; raises BadWebConfigError."""
        if not self.file:
            return self.text.encode()
        try:
            return read_small(self.file)
        except OSError as error:
            raise BadWebConfigError(
                f"{self.key}: {self.file} cannot be read: {error.strerror}; relative names start at this file's folder"
            ) from error


@dataclass(frozen=True, slots=True)
class Tls:
    """How connections are encrypted, and whose certificates are believed."""

    certificate: Source
    private_key: Source
    client_authority: Source | None = None
    """None: the system's authorities, if certificates are verified at all."""
    client_auth: ClientAuth = ClientAuth.NONE
    allowed_sans: tuple[str, ...] = ()
    """Names of which a client's certificate must have one; empty: any."""
    oldest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    ciphers: tuple[str, ...] | None = None
    """OpenSSL's names, best first, for TLS 1.2; None: the library's own choice."""
    prefers_own_order: bool = True
    curves: tuple[str, ...] = ()
    """OpenSSL's names, best first; empty: the library's own choice."""

    @property
    def sources(self) -> tuple[Source, ...]:
        """Everything that has to be read."""
        return tuple(one for one in (self.certificate, self.private_key, self.client_authority) if one is not None)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A bucket of ``burst`` requests into which one more is put every ``interval_s`` seconds."""

    interval_s: float
    burst: int


@dataclass(frozen=True, slots=True)
class WebConfig:
    """All of the file."""

    tls: Tls | None = None
    """None: plain HTTP."""
    wants_http2: bool = False
    """HTTP/2 was asked for in so many words; there is none."""
    headers: tuple[tuple[str, str], ...] = ()
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Name to bcrypt hash; empty: nobody is asked for a password."""
    rate_limit: RateLimit | None = None
    is_blank: bool = False
    """There was not a single key in the file."""

    @property
    def files(self) -> tuple[str, ...]:
        """The files that the configuration names."""
        return () if self.tls is None else tuple(one.file for one in self.tls.sources if one.file)


def read_config(file: str) -> WebConfig:
    """Read the file; raises BadWebConfigError. Certificates and keys are named, not opened."""
    try:
        from exporters.web import document  # noqa: PLC0415 - costs memory, and most exporters run without such a file
    except ModuleNotFoundError as error:
        raise BadWebConfigError(missing_package(error)) from error
    try:
        text = read_small(file)
    except OSError as error:
        raise BadWebConfigError(f"it cannot be read: {error.strerror}") from error
    top = Section("", document.parse(text), _TOP)
    return WebConfig(
        tls=_tls(top.section("tls_server_config", _TLS), os.path.dirname(file)),  # noqa: PTH120 - may well be ""
        wants_http2=_http(top).flag("http2", default=False),
        headers=_headers(_http(top).section("headers", HEADERS)),
        users=_users(top.section("basic_auth_users")),
        rate_limit=_rate_limit(top.section("rate_limit", ("interval", "burst"))),
        is_blank=not top.values,
    )


def _http(top: Section) -> Section:
    return top.section("http_server_config", ("http2", "headers"))


def _tls(section: Section, folder: str) -> Tls | None:
    if not section.values:
        return None
    client_auth = _client_auth(section)
    authority = _source(section, "client_ca", folder)
    verifies = client_auth in {ClientAuth.VERIFY_IF_GIVEN, ClientAuth.REQUIRE_AND_VERIFY}
    if client_auth is ClientAuth.REQUIRE_AND_VERIFY and authority is None:
        raise BadWebConfigError(
            f"{section.name}.client_ca_file: client_auth_type is {client_auth.value}, and without it every certificate that "
            "any public authority ever issued would do; name the authorities that vouch for your clients"
        )
    if authority is not None and not verifies:
        raise BadWebConfigError(
            f"{authority.key}: nothing is checked against it with client_auth_type {client_auth.value}; write "
            "client_auth_type: RequireAndVerifyClientCert"
        )
    allowed = section.texts("client_allowed_sans")
    if allowed and client_auth is not ClientAuth.REQUIRE_AND_VERIFY:
        raise BadWebConfigError(
            f"{section.name}.client_allowed_sans: a client may come without a certificate and so without a name; write "
            "client_auth_type: RequireAndVerifyClientCert"
        )
    oldest, newest = _versions(section)
    return Tls(
        certificate=_needed(section, "cert", folder),
        private_key=_needed(section, "key", folder),
        client_authority=authority,
        client_auth=client_auth,
        allowed_sans=allowed,
        oldest=oldest,
        newest=newest,
        ciphers=_ciphers(section),
        prefers_own_order=section.flag("prefer_server_cipher_suites", default=True),
        curves=_curves(section),
    )


def _source(section: Section, key: str, folder: str) -> Source | None:
    text, file = section.text(key), section.text(f"{key}_file")
    if text and file:
        raise BadWebConfigError(f"{section.name}: {key} and {key}_file are both given; take one of them out")
    if file:
        return Source(section.path(f"{key}_file"), file=os.path.join(folder, file))  # noqa: PTH118 - see read_config
    return Source(section.path(key), text=text) if text else None


def _needed(section: Section, key: str, folder: str) -> Source:
    found = _source(section, key, folder)
    if found is None:
        raise BadWebConfigError(f"{section.name}.{key}_file: it is missing; name the file, or take {section.name} out")
    return found


def _client_auth(section: Section) -> ClientAuth:
    if section.text("client_auth_type") in UNVERIFIED:
        raise BadWebConfigError(
            f"{section.name}.client_auth_type: {section.text('client_auth_type')} takes any certificate unchecked, which "
            "cannot be done here; write RequireAndVerifyClientCert with a client_ca_file"
        )
    return section.choice("client_auth_type", CLIENT_AUTH, ClientAuth.NONE)


def _versions(section: Section) -> tuple[ssl.TLSVersion, ssl.TLSVersion]:
    for key in ("min_version", "max_version"):
        if section.text(key) in OLD_VERSIONS:
            raise BadWebConfigError(f"{section.path(key)}: {section.text(key)} is broken and not spoken here; write TLS12")
    oldest = section.choice("min_version", VERSIONS, ssl.TLSVersion.TLSv1_2)
    newest = section.choice("max_version", VERSIONS, ssl.TLSVersion.TLSv1_3)
    if oldest > newest:
        raise BadWebConfigError(f"{section.name}.min_version: it is newer than max_version; swap them")
    return oldest, newest


def _ciphers(section: Section) -> tuple[str, ...] | None:
    chosen = section.choices("cipher_suites", CIPHERS)
    if chosen and not any(chosen) and section.text("max_version") == "TLS12":
        raise BadWebConfigError(f"{section.name}.cipher_suites: none of them is for TLS 1.2; add one, or take max_version out")
    return tuple(one for one in chosen if one) if chosen else None


def _curves(section: Section) -> tuple[str, ...]:
    chosen = section.choices("curve_preferences", CURVES)
    if set(chosen) == set(CURVES.values()):  # no restriction; OpenSSL's own order serves all of them
        return ()
    if len(chosen) > 1 and not hasattr(ssl.SSLContext, "set_groups"):
        raise BadWebConfigError(
            f"{section.name}.curve_preferences: before Python 3.15 only one curve or all four can be had; keep one, "
            "or take the key out"
        )
    return chosen


def _headers(section: Section) -> tuple[tuple[str, str], ...]:
    for name, allowed in HEADERS.items():
        value = section.text(name)
        if value and allowed and value not in allowed:
            raise BadWebConfigError(f"{section.path(name)}: {value!r} is not known; write {' or '.join(sorted(allowed))}")
        if not value.isprintable() or not value.isascii():
            raise BadWebConfigError(f"{section.path(name)}: a header is one line of ASCII; write the value on one line")
    return tuple((name, section.text(name)) for name in HEADERS if section.text(name))


def _users(section: Section) -> Mapping[str, str]:
    users = {name: section.text(name) for name in section.values}
    for name, hashed in users.items():
        found = _BCRYPT.fullmatch(hashed)
        if found is None or int(found["cost"]) not in _COSTS:
            raise BadWebConfigError(
                f"{section.path(name)}: this is no bcrypt hash; make one with: htpasswd -nBC 10 '' | tr -d ':\\n'"
            )
        if ":" in name:
            raise BadWebConfigError(f"{section.path(name)}: no client can send a name with a colon; choose another")
    return users


def _rate_limit(section: Section) -> RateLimit | None:
    interval_s, burst = section.duration_s("interval"), section.whole("burst")
    if interval_s == 0.0:
        return None
    if burst < 1:
        raise BadWebConfigError(f"{section.name}.burst: without it every request would be refused; write 1 or more")
    return RateLimit(interval_s, burst)
