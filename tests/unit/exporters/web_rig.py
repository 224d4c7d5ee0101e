"""A served exporter behind a gate, the certificates it needs, and clients that ask it."""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import ipaddress
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import bcrypt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from exporters.server import Site, application, serving
from exporters.settings import Web
from exporters.web.gate import make_gate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from exporters.exposition.text import Format
    from exporters.names.account import Account
    from exporters.web.gate import Gate
    from exporters.web.room import Limits

LOCAL = Web("127.0.0.1", 0, reuse_s=0.0)
NOW = dt.datetime.now(dt.UTC)


def hashed(password: str, cost: int = 4) -> str:
    """Hash as htpasswd does, at the lowest cost that there is."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode().replace("$2b$", "$2y$", 1)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key as PEM files."""

    certificate: Path
    key: Path


@dataclass
class Authority:
    """Vouches for servers and clients."""

    folder: Path
    name: str = "authority"
    _key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        self.certificate = self._signed(self.name, self._key, x509.BasicConstraints(ca=True, path_length=None))
        self.file = self.folder / f"{self.name}.crt"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *sans: x509.GeneralName, client: bool = False, file: str = "") -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        more: list[x509.ExtensionType] = [x509.ExtendedKeyUsage([usage])]
        if sans:
            more.append(x509.SubjectAlternativeName(sans))
        certificate = self._signed(name, key, x509.BasicConstraints(ca=False, path_length=None), *more)
        pair = Pair(self.folder / f"{file or name}.crt", self.folder / f"{file or name}.key")
        pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        pair.key.write_bytes(pem(key))
        return pair

    def server(self, file: str = "server") -> Pair:
        return self.issue("localhost", x509.IPAddress(ipaddress.ip_address("127.0.0.1")), file=file)

    def trust(self, pair: Pair | None = None) -> ssl.SSLContext:
        """Return what a client needs that believes this authority and, if it has a pair, shows it."""
        context = ssl.create_default_context(cafile=str(self.file))
        if pair is not None:
            context.load_cert_chain(pair.certificate, pair.key)
        return context

    def _signed(self, name: str, key: ec.EllipticCurvePrivateKey, *more: x509.ExtensionType) -> x509.Certificate:
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - dt.timedelta(hours=1))
            .not_valid_after(NOW + dt.timedelta(hours=1))
        )
        for extension in more:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(self._key, hashes.SHA256())


def pem(key: ec.EllipticCurvePrivateKey, pass_phrase: bytes = b"") -> bytes:
    protection = serialization.BestAvailableEncryption(pass_phrase) if pass_phrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)


@dataclass
class Collected:
    """An exporter with little to tell, and a count of how often it was asked."""

    body: bytes = b"answer 42\n"
    collections: int = 0
    is_partial: bool = False
    step: str = "cpu"
    families: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def collect(self, _: float) -> Collected:
        self.collections += 1
        return self

    def answer(self, _: Format, *, compressed: bool, names: frozenset[str]) -> bytes:  # noqa: ARG002 - as called
        return gzip.compress(self.body, 1) if compressed else self.body

    def close(self) -> None:
        pass


@dataclass
class Served:
    """An exporter that answers on a port of this machine."""

    host: str
    port: int
    gate: Gate
    exporter: Collected

    def url(self, path: str = "/metrics", scheme: str = "http") -> str:
        return f"{scheme}://{self.host}:{self.port}{path}"

    async def get(
        self,
        path: str = "/metrics",
        *,
        trust: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
        authorization: str = "",
    ) -> tuple[int, dict[str, str]]:
        """Ask on a connection of its own; returns status and headers."""
        headers = {"Authorization": authorization} if authorization else {}
        if login is not None:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(login).encode()).decode()
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session,
            session.get(
                self.url(path, "http" if trust is None else "https"), headers=headers, ssl=True if trust is None else trust
            ) as response,
        ):
            await response.read()
            return response.status, {name.title(): ", ".join(response.headers.getall(name)) for name in response.headers}

    async def status(self, path: str = "/metrics", **how: object) -> int:
        return (await self.get(path, **how))[0]  # type: ignore[arg-type]


@asynccontextmanager
async def served(
    file: Path | str = "", *, account: Account | None = None, limits: Limits | None = None, body: bytes = b"answer 42\n"
) -> AsyncIterator[Served]:
    gate = make_gate(str(file), account, limits)
    exporter = Collected(body)
    app = application(Site(exporter, LOCAL, "1.2.3", lambda: None))  # type: ignore[arg-type]
    async with serving(app, LOCAL, gate) as (host, port):
        yield Served(host, port, gate, exporter)


def write(folder: Path, text: str) -> Path:
    file = folder / "web.yml"
    file.write_text(text, encoding="utf-8")
    return file
