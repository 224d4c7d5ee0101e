"""Encryption on real connections: certificates of both sides, versions, and new certificates without a restart."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import ssl
from typing import TYPE_CHECKING

import aiohttp
import pytest
import structlog
from cryptography import x509

from exporters.web.current import Current
from exporters.web.passwords import Queue
from tests.fakes.waiting import until
from tests.unit.exporters.web_rig import Authority, Served, hashed, served, write

if TYPE_CHECKING:
    from pathlib import Path

SERVER = "cert_file: server.crt, key_file: server.key"
MUTUAL = f"{SERVER}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: authority.crt"
REFUSED = (aiohttp.ClientConnectionError, aiohttp.ServerDisconnectedError, ConnectionError, ssl.SSLError)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path)
    made.server()
    return made


def configured(folder: Path, tls: str, more: str = "") -> Path:
    return write(folder, f"tls_server_config: {{{tls}}}\n{more}")


async def handshake(server: Served, trust: ssl.SSLContext) -> tuple[str, str, dict[str, object]]:
    """Open a connection; returns version, cipher and the server's certificate."""
    reader, writer = await asyncio.open_connection(server.host, server.port, ssl=trust)
    try:
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        if not await reader.read():  # in TLS 1.3 a client hears of its refusal only now
            raise ConnectionResetError("closed without an answer")
        found = writer.get_extra_info("ssl_object")
        return found.version(), found.cipher()[0], found.getpeercert()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def test_metrics_are_served_encrypted_and_not_in_the_clear(tmp_path: Path, authority: Authority) -> None:
    async with served(configured(tmp_path, SERVER)) as server:
        assert await server.status(trust=authority.trust()) == 200
        with pytest.raises(REFUSED):
            await server.get()
        assert await server.status("/", trust=authority.trust()) == 200


async def test_a_key_in_the_file_itself_serves_as_well(tmp_path: Path, authority: Authority) -> None:
    key = "\\n".join((tmp_path / "server.key").read_text().splitlines())
    async with served(configured(tmp_path, f'cert_file: server.crt, key: "{key}\\n"')) as server:
        assert await server.status(trust=authority.trust()) == 200


async def test_without_an_authority_of_ours_a_given_certificate_is_verified_by_the_systems(
    tmp_path: Path, authority: Authority
) -> None:
    stranger = authority.issue("prometheus", client=True)
    async with served(configured(tmp_path, f"{SERVER}, client_auth_type: VerifyClientCertIfGiven")) as server:
        assert await server.status(trust=authority.trust()) == 200
        with pytest.raises(REFUSED):
            await server.get(trust=authority.trust(stranger))


@pytest.mark.parametrize("auth", ["NoClientCert", "RequestClientCert"])
async def test_a_client_needs_no_certificate_where_none_is_verified(auth: str, tmp_path: Path, authority: Authority) -> None:
    stranger = Authority(tmp_path, "stranger").issue("stranger", client=True, file="stranger-client")
    async with served(configured(tmp_path, f"{SERVER}, client_auth_type: {auth}")) as server:
        assert await server.status(trust=authority.trust()) == 200
        assert await server.status(trust=authority.trust(stranger)) == 200


async def test_a_client_needs_a_certificate_that_the_authority_vouches_for(tmp_path: Path, authority: Authority) -> None:
    stranger = Authority(tmp_path, "stranger").issue("prometheus", client=True, file="stranger-client")
    wrong_use = authority.issue("prometheus", file="server-use")
    good = authority.issue("prometheus", client=True)
    async with served(configured(tmp_path, MUTUAL)) as server:
        assert await server.status(trust=authority.trust(good)) == 200
        for refused in (authority.trust(), authority.trust(stranger), authority.trust(wrong_use)):
            with pytest.raises(REFUSED):
                await server.get(trust=refused)
            with pytest.raises(REFUSED):
                await server.get("/healthz", trust=refused)


async def test_one_certificate_can_be_trusted_by_itself_as_in_go(tmp_path: Path, authority: Authority) -> None:
    one = authority.issue("prometheus", client=True)
    other = authority.issue("other", client=True)
    tls = MUTUAL.replace("authority.crt", one.certificate.name)
    async with served(configured(tmp_path, tls)) as server:
        assert await server.status(trust=authority.trust(one)) == 200
        with pytest.raises(REFUSED):
            await server.get(trust=authority.trust(other))


async def test_a_certificate_is_verified_if_given_and_not_missed_if_not(tmp_path: Path, authority: Authority) -> None:
    stranger = Authority(tmp_path, "stranger").issue("prometheus", client=True, file="stranger-client")
    tls = MUTUAL.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven")
    async with served(configured(tmp_path, tls)) as server:
        assert await server.status(trust=authority.trust()) == 200
        assert await server.status(trust=authority.trust(authority.issue("prometheus", client=True))) == 200
        with pytest.raises(REFUSED):
            await server.get(trust=authority.trust(stranger))


SANS: list[tuple[x509.GeneralName, str, str]] = [
    (x509.DNSName("prometheus.monitoring"), "prometheus.monitoring", "monitoring"),
    (x509.IPAddress(ipaddress.ip_address("2001:db8::7")), "2001:db8::7", "2001:db8::8"),
    (x509.IPAddress(ipaddress.ip_address("2001:db8::7")), '"2001:0DB8:0:0:0:0:0:7"', "2001:db8::70"),
    (x509.IPAddress(ipaddress.ip_address("10.0.0.7")), "10.0.0.7", "10.0.0.70"),
    (x509.UniformResourceIdentifier("spiffe://a/ns/b"), "spiffe://a/ns/b", "spiffe://a/ns"),
    (x509.RFC822Name("me@example.org"), "me@example.org", "example.org"),
]


@pytest.mark.parametrize(("san", "allowed", "other"), SANS)
async def test_a_client_must_have_one_of_the_allowed_names(
    san: x509.GeneralName, allowed: str, other: str, tmp_path: Path, authority: Authority
) -> None:
    named = authority.trust(authority.issue("named", x509.DNSName("something.else"), san, client=True))
    nameless = authority.trust(authority.issue("nameless", client=True))
    async with served(configured(tmp_path, f"{MUTUAL}, client_allowed_sans: [first, {allowed}]")) as server:
        assert await server.status(trust=named) == 200
        with pytest.raises(REFUSED):
            await server.get(trust=nameless)
    async with served(configured(tmp_path, f'{MUTUAL}, client_allowed_sans: ["{other}", named]')) as server:
        with structlog.testing.capture_logs() as lines, pytest.raises(REFUSED):
            await server.get(trust=named)
        assert server.exporter.collections == 0
        await until(lambda: [line for line in lines if line["event"] == "client_certificate_refused"])


async def test_versions_and_suites_are_those_of_the_configuration(tmp_path: Path, authority: Authority) -> None:
    old = authority.trust()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    async with served(configured(tmp_path, f"{SERVER}, min_version: TLS13")) as server:
        assert (await handshake(server, authority.trust()))[0] == "TLSv1.3"
        with pytest.raises(REFUSED):
            await handshake(server, old)
    suites = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
    async with served(configured(tmp_path, f"{SERVER}, max_version: TLS12, cipher_suites: [{suites}]")) as server:
        assert (await handshake(server, authority.trust()))[:2] == ("TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305")
        narrow = authority.trust()
        narrow.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
        with pytest.raises(REFUSED):
            await handshake(server, narrow)


async def test_a_curve_that_was_not_chosen_is_not_spoken(tmp_path: Path, authority: Authority) -> None:
    async with served(configured(tmp_path, f"{SERVER}, curve_preferences: [CurveP384]")) as server:
        same, other = authority.trust(), authority.trust()
        same.set_ecdh_curve("secp384r1")
        other.set_ecdh_curve("X25519")
        await handshake(server, same)
        with pytest.raises(REFUSED):
            await handshake(server, other)


async def test_the_clients_order_of_suites_counts_where_the_servers_does_not(tmp_path: Path, authority: Authority) -> None:
    suites = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
    wishing = authority.trust()
    wishing.maximum_version = ssl.TLSVersion.TLSv1_2
    wishing.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")
    for preferred, chosen in (("true", "ECDHE-ECDSA-AES256-GCM-SHA384"), ("false", "ECDHE-ECDSA-AES128-GCM-SHA256")):
        tls = f"{SERVER}, cipher_suites: [{suites}], prefer_server_cipher_suites: {preferred}"
        async with served(configured(tmp_path, tls)) as server:
            assert (await handshake(server, wishing))[1] == chosen


async def test_a_new_certificate_is_used_without_a_restart_and_open_connections_stay(
    tmp_path: Path, authority: Authority
) -> None:
    async with (
        served(configured(tmp_path, SERVER)) as server,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=authority.trust())) as kept,
    ):
        async with kept.get(server.url(scheme="https")) as response:
            await response.read()
        before = (await handshake(server, authority.trust()))[2]["serialNumber"]
        new = authority.server("new")
        os.replace(new.certificate, tmp_path / "server.crt")  # noqa: PTH105 - as certificates are rotated
        halfway = (await handshake(server, authority.trust()))[2]["serialNumber"]
        os.replace(new.key, tmp_path / "server.key")  # noqa: PTH105
        after = (await handshake(server, authority.trust()))[2]["serialNumber"]
        assert halfway == before  # a certificate without its key is not used
        assert after != before
        async with kept.get(server.url(scheme="https")) as response:
            assert response.status == 200


async def test_certificates_change_as_the_kubelet_changes_a_mounted_secret(tmp_path: Path, authority: Authority) -> None:
    """A secret's files are links through one link, ``..data``, which is replaced."""
    for version in ("..1", "..2"):
        (tmp_path / version).mkdir()
        pair = authority.server("next")
        os.replace(pair.certificate, tmp_path / version / "server.crt")  # noqa: PTH105
        os.replace(pair.key, tmp_path / version / "server.key")  # noqa: PTH105
    for name in ("server.crt", "server.key"):
        (tmp_path / name).unlink()
        (tmp_path / name).symlink_to(f"..data/{name}")
    (tmp_path / "..data").symlink_to("..1")
    async with served(configured(tmp_path, SERVER)) as server:
        before = (await handshake(server, authority.trust()))[2]["serialNumber"]
        (tmp_path / "..new").symlink_to("..2")
        os.replace(tmp_path / "..new", tmp_path / "..data")  # noqa: PTH105
        assert (await handshake(server, authority.trust()))[2]["serialNumber"] != before


async def test_another_authority_and_other_names_count_at_once(tmp_path: Path, authority: Authority) -> None:
    second = Authority(tmp_path, "second")
    first_client = authority.trust(authority.issue("first", x509.DNSName("a"), client=True))
    second_client = authority.trust(second.issue("second-client", x509.DNSName("b"), client=True))
    async with served(configured(tmp_path, MUTUAL)) as server:
        assert await server.status(trust=first_client) == 200
        configured(tmp_path, MUTUAL.replace("authority.crt", "second.crt"))
        assert await server.status(trust=second_client) == 200
        with pytest.raises(REFUSED):
            await server.get(trust=first_client)
        configured(tmp_path, MUTUAL.replace("authority.crt", "second.crt") + ", client_allowed_sans: [other]")
        with pytest.raises(REFUSED):
            await server.get(trust=second_client)


BROKEN = {
    "a key that is not known": "tls_server_config: {certfile: x}",
    "no YAML": "tls_server_config: [",
    "nothing": "",
    "no encryption": "http_server_config: {headers: {X-Frame-Options: deny}}",
    "a certificate that is not there": "tls_server_config: {cert_file: gone.crt, key_file: server.key}",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
async def test_a_new_file_that_is_broken_changes_nothing_and_is_told_once(
    text: str, tmp_path: Path, authority: Authority
) -> None:
    async with served(configured(tmp_path, SERVER, f"basic_auth_users: {{alice: {hashed('a')}}}")) as server:
        with structlog.testing.capture_logs() as lines:
            write(tmp_path, text)
            for _ in range(3):
                assert await server.status(trust=authority.trust()) == 401
                assert await server.status(trust=authority.trust(), login=("alice", "a")) == 200
        assert [line["event"] for line in lines if "web_config" in line["event"]] == ["web_config_unusable"]
        assert not server.gate.current.is_well
        write(tmp_path, f"tls_server_config: {{{SERVER}}}")
        assert await server.status(trust=authority.trust()) == 200
        assert server.gate.current.is_well


async def test_a_certificate_that_comes_after_its_configuration_is_found(tmp_path: Path, authority: Authority) -> None:
    async with served(configured(tmp_path, SERVER)) as server:
        configured(tmp_path, SERVER.replace("server", "late"))
        before = (await handshake(server, authority.trust()))[2]["serialNumber"]
        assert not server.gate.current.is_well
        authority.server("late")
        assert (await handshake(server, authority.trust()))[2]["serialNumber"] != before


def test_what_failed_for_a_reason_outside_is_tried_again_later(tmp_path: Path, authority: Authority) -> None:
    """Marks of files do not change when, say, a file descriptor is free again."""
    del authority
    now_s = [0.0]
    file = configured(tmp_path, SERVER)
    current = Current(str(file), Queue(None), lambda: now_s[0])  # type: ignore[arg-type] - nobody checks a password
    (tmp_path / "server.key").rename(tmp_path / "away.key")
    with structlog.testing.capture_logs() as lines:
        current.get()
        now_s[0] = 11.0  # tried again and still wrong
        current.get()
    assert not current.is_well
    assert [line["event"] for line in lines] == ["web_config_unusable"]
    (tmp_path / "away.key").rename(tmp_path / "server.key")
    current._watched = {}  # as if nothing had been seen to change
    current.get()
    assert not current.is_well
    now_s[0] = 22.0
    current.get()
    assert current.is_well


async def test_a_client_that_leaves_in_the_handshake_is_no_event(tmp_path: Path, authority: Authority) -> None:
    """The kubelet's probe of a port does nothing else."""
    async with served(configured(tmp_path, SERVER)) as server:
        with structlog.testing.capture_logs() as lines:
            for _ in range(3):
                _, writer = await asyncio.open_connection(server.host, server.port)
                writer.close()
                await writer.wait_closed()
            assert await server.status(trust=authority.trust()) == 200
            await until(lambda: server.gate.room.count() == 0)
        assert [line for line in lines if line["log_level"] != "debug"] == []


async def test_a_handshake_that_fails_is_told_seldom_and_with_its_cause(tmp_path: Path, authority: Authority) -> None:
    del authority
    async with served(configured(tmp_path, SERVER)) as server:
        with structlog.testing.capture_logs() as lines:
            for _ in range(5):
                with pytest.raises(REFUSED):
                    await server.get()
            await until(lambda: server.gate.room.count() == 0)
        (line,) = [line for line in lines if line["event"] == "handshake_failed"]
        assert line["cause"] == "HTTP_REQUEST"
