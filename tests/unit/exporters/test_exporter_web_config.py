"""The file of --web.config.file: what is read, and that every mistake is told with its key and a remedy."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from exporters.web import tls
from exporters.web.config import Source, WebConfig, read_config
from exporters.web.gate import make_gate
from exporters.web.section import BadWebConfigError
from exporters.web.small_file import MOST_BYTES
from exporters.web.vocabulary import CIPHERS, ClientAuth
from tests.unit.exporters.web_rig import Authority, hashed, pem, write

ALICE = hashed("secret")
TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key"
REQUIRE = TLS + ", client_auth_type: RequireAndVerifyClientCert"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path)
    made.server()
    return made


def read(folder: Path, text: str) -> WebConfig:
    """Read a configuration and everything that it names."""
    config = read_config(str(write(folder, text)))
    if config.tls is not None:
        tls.context(config.tls)
    return config


@pytest.mark.parametrize(
    "text", ["", "{}", "# nothing\n", "basic_auth_users:\ntls_server_config:\nhttp_server_config: {headers: }\n"]
)
def test_a_file_that_asks_for_nothing_lets_everybody_in(text: str, tmp_path: Path) -> None:
    config = read(tmp_path, text)
    assert (config.tls, dict(config.users), config.headers, config.rate_limit) == (None, {}, (), None)


def test_everything_that_exporter_toolkit_documents_is_read(tmp_path: Path, authority: Authority) -> None:
    config = read(
        tmp_path,
        f"""
        tls_server_config:
          cert_file: server.crt
          key_file: {tmp_path}/server.key
          client_auth_type: RequireAndVerifyClientCert
          client_ca_file: {authority.file.name}
          client_allowed_sans: [prometheus.monitoring, "::1"]
          min_version: TLS12
          max_version: TLS13
          cipher_suites: [{", ".join(CIPHERS)}]
          prefer_server_cipher_suites: yes
          curve_preferences: [CurveP256]
        http_server_config:
          http2: true
          headers:
            Content-Security-Policy: "default-src 'self'"
            X-Frame-Options: deny
            X-Content-Type-Options: nosniff
            X-XSS-Protection: 1
            Strict-Transport-Security: max-age=31536000; includeSubDomains
        basic_auth_users:
          alice: {ALICE}
          1234: {ALICE}
          on: {ALICE}
        rate_limit: {{interval: 1m1.5s, burst: 20}}
        """,
    )
    assert config.tls is not None
    assert config.tls.certificate.file == f"{tmp_path}/server.crt"
    assert config.tls.client_auth is ClientAuth.REQUIRE_AND_VERIFY
    assert config.tls.allowed_sans == ("prometheus.monitoring", "::1")
    assert config.tls.ciphers is not None
    assert "ECDHE-RSA-AES128-GCM-SHA256" in config.tls.ciphers
    assert config.wants_http2
    assert dict(config.headers)["X-XSS-Protection"] == "1"
    assert set(config.users) == {"alice", "1234", "on"}
    assert config.rate_limit is not None
    assert (config.rate_limit.interval_s, config.rate_limit.burst) == (61.5, 20)


def test_certificate_and_key_may_stand_in_the_file_itself(tmp_path: Path, authority: Authority) -> None:
    pair = authority.server()
    inline = "\n".join(
        f"  {key}: |\n" + "".join(f"    {line}\n" for line in file.read_text().splitlines())
        for key, file in (("cert", pair.certificate), ("key", pair.key), ("client_ca", authority.file))
    )
    config = read(tmp_path, f"tls_server_config:\n{inline}\n  client_auth_type: VerifyClientCertIfGiven\n")
    assert config.tls is not None
    assert config.files == ()
    assert "PRIVATE" not in repr(config)


def test_without_a_choice_tls_1_2_is_the_oldest_that_is_spoken(tmp_path: Path, authority: Authority) -> None:
    del authority
    config = read(tmp_path, TLS + "}")
    assert config.tls is not None
    context = tls.context(config.tls)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_NONE


def test_suites_of_tls_1_3_alone_leave_nothing_older(tmp_path: Path, authority: Authority) -> None:
    del authority
    config = read(tmp_path, TLS + ", cipher_suites: [TLS_AES_128_GCM_SHA256]}")
    assert config.tls is not None
    assert tls.context(config.tls).minimum_version is ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize("interval", ["0", "0s", ""])
def test_an_interval_of_nothing_switches_the_rate_limit_off(interval: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"rate_limit: {{interval: {interval}, burst: 3}}").rate_limit is None


BAD = [
    ("tls_server_confg: {}", r"tls_server_confg: there is no such key; did you mean tls_server_config\?"),
    ("users: {}", r"users: there is no such key; known are basic_auth_users, http_server_config"),
    ("tls_server_config: {cert: x, keyfile: y}", r"tls_server_config\.keyfile: there is no such key; did you mean key_file\?"),
    ("http_server_config: {http3: true}", r"http_server_config\.http3: there is no such key; did you mean http2\?"),
    ("http_server_config: {headers: {Server: x}}", r"http_server_config\.headers\.Server: there is no such key; known are"),
    ("rate_limit: {bursts: 1}", r"rate_limit\.bursts: .*did you mean burst\?"),
    ("- a", r"a list stands where keys with values are expected"),
    ("nothing", r"a text stands where keys"),
    ("tls_server_config: [a]", r"tls_server_config: a list stands where keys with values are expected"),
    ("tls_server_config: {cert_file: [a]}", r"tls_server_config\.cert_file: a list stands where one text is expected"),
    ("tls_server_config: {cert_file: server.crt}", r"tls_server_config\.key_file: it is missing; name the file"),
    ("tls_server_config: {key_file: server.key}", r"tls_server_config\.cert_file: it is missing; name the file"),
    ("tls_server_config: {min_version: TLS12}", r"cert_file: it is missing; .* or take tls_server_config out"),
    ("tls_server_config: {cert: x, cert_file: y, key: z}", r"cert and cert_file are both given; take one of them out"),
    (TLS.replace("server.crt", "no.crt") + "}", r"cert_file: .*/no\.crt cannot be read: No such file.*relative"),
    (TLS.replace("server.key", "no.key") + "}", r"key_file: .*/no\.key cannot be read: No such file"),
    (TLS.replace("server.crt", "server.key") + "}", r"cert_file: .*/server\.key holds no certificate in PEM"),
    (TLS.replace("server.key", "server.crt") + "}", r"key_file: .*/server\.crt holds no private key in PEM"),
    (TLS.replace("server.key", "other.key") + "}", r"cert_file and key_file: .*key values mismatch; they must"),
    (TLS.replace("server.key", "locked.key") + "}", r"key_file: .*needs a pass phrase.*openssl pkey"),
    (TLS.replace("server.crt", "cut.crt") + "}", r"cert_file and key_file: OpenSSL cannot use .*cut\.crt"),
    ("tls_server_config: {cert: secret-text, key: secret-text}", r"config\.cert: the text in this file holds no cert"),
    (TLS + ", client_ca_file: authority.crt}", r"client_ca_file: nothing is checked .*write\s+client_auth_type"),
    (REQUIRE + "}", r"client_ca_file: .*name the authorities"),
    (TLS + ", client_auth_type: RequireAnyClientCert}", r"client_auth_type: .*takes any .*write RequireAndV"),
    (TLS + ", client_auth_type: requireandverifyclientcert}", r"client_auth_type: .* did you mean RequireAndV"),
    (REQUIRE + ", client_ca_file: no.crt}", r"client_ca_file: .*no\.crt cannot be read"),
    (REQUIRE + ", client_ca_file: cut.crt}", r"client_ca_file: OpenSSL cannot use .*cut"),
    (TLS + ", client_allowed_sans: [a]}", r"client_allowed_sans: .*write client_auth_type: RequireAndVerifyClientCert"),
    (TLS + ", client_allowed_sans: []}", r"client_allowed_sans: the list is empty"),
    (TLS + ", client_allowed_sans: a}", r"client_allowed_sans: a text stands where a list of texts"),
    (TLS + ", client_allowed_sans: [{a: b}]}", r"client_allowed_sans: a list stands where a list of texts"),
    (TLS + ", min_version: TLS10}", r"min_version: TLS10 is broken and not spoken here; write TLS12"),
    (TLS + ", max_version: TLS11}", r"max_version: TLS11 is broken"),
    (TLS + ", min_version: TLS14}", r"min_version: 'TLS14' is not known; did you mean"),
    (TLS + ", min_version: TLS13, max_version: TLS12}", r"min_version: it is newer than max_version"),
    (TLS + ", cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]}", r"cipher_suites: 'TLS_RSA_WITH_RC4_128_SHA' is not known"),
    (TLS + ", max_version: TLS12, cipher_suites: [TLS_AES_128_GCM_SHA256]}", r"cipher_suites: none of them is for TLS 1\.2"),
    (TLS + ", curve_preferences: [CurveP255]}", r"curve_preferences: 'CurveP255' is not known; did you mean"),
    (TLS + ", prefer_server_cipher_suites: perhaps}", r"prefer_server_cipher_suites: 'perhaps' is neither true nor false"),
    ("http_server_config: {headers: {X-Frame-Options: allow}}", r"X-Frame-Options: 'allow' is not .*write deny or sameorigin"),
    ('http_server_config: {headers: {Content-Security-Policy: "a\\r\\nb"}}', r"Policy: a header is one line of ASCII"),
    ("basic_auth_users: {alice: secret}", r"basic_auth_users\.alice: this is no bcrypt hash; make one with: htpasswd"),
    ("basic_auth_users: {alice: }", r"basic_auth_users\.alice: this is no bcrypt hash"),
    (f"basic_auth_users: {{alice: {ALICE[:-1]}}}", r"basic_auth_users\.alice: this is no bcrypt hash"),
    (f"basic_auth_users: {{alice: {ALICE.replace('$04$', '$99$')}}}", r"basic_auth_users\.alice: this is no bcrypt hash"),
    (f"basic_auth_users: {{'a:b': {ALICE}}}", r"basic_auth_users\.a:b: no client can send a name with a colon"),
    (f"basic_auth_users: {{alice: {ALICE}, alice: {ALICE}}}", r"line 1: alice is given twice"),
    ("basic_auth_users: [alice]", r"basic_auth_users: a list stands where keys"),
    ("rate_limit: {interval: 5, burst: 1}", r"rate_limit\.interval: '5' is no time; write a number with a unit, such as 1s"),
    ("rate_limit: {interval: 1s, burst: many}", r"rate_limit\.burst: 'many' is no whole number"),
    ("rate_limit: {interval: 1s}", r"rate_limit\.burst: without it every request would be refused"),
    ("a: [", r"line 1: this is no YAML"),
    ("? [a]\n: b", r"line 1: a key is one word"),
    ("\t- secret-text", r"line 1: this is no YAML"),
    ("{}\n---\n{}", r"this is no YAML: .*another document"),
]


@pytest.mark.parametrize(("text", "said"), BAD, ids=[text[:60] for text, _ in BAD])
def test_a_mistake_is_told_with_its_key_and_a_remedy(text: str, said: str, tmp_path: Path, authority: Authority) -> None:
    authority.server("other")
    certificate = (tmp_path / "server.crt").read_text().splitlines()
    (tmp_path / "cut.crt").write_text("\n".join([certificate[0], certificate[1], certificate[-1], ""]))
    (tmp_path / "locked.key").write_bytes(pem(ec.generate_private_key(ec.SECP256R1()), b"pass"))
    with pytest.raises(BadWebConfigError, match=said) as told:
        read(tmp_path, text)
    assert "secret-text" not in str(told.value)
    assert ALICE not in str(told.value)


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "web.yml").write_bytes(b"a: \xff\xfe")
    with pytest.raises(BadWebConfigError, match="no text in UTF-8"):
        read_config(str(tmp_path / "web.yml"))


def test_a_document_that_is_nested_without_end_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadWebConfigError, match=r"nested too deeply|no YAML"):
        read(tmp_path, "[" * 5_000)


@pytest.mark.parametrize(("name", "said"), [("missing.yml", "No such file"), ("", "Is a directory")])
def test_a_file_that_cannot_be_read_is_told(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadWebConfigError, match=f"it cannot be read: {said}"):
        make_gate(str(tmp_path / name), None)


@pytest.mark.parametrize(
    "more",
    [", curve_preferences: [CurveP256, CurveP384, CurveP521, X25519]", ", client_auth_type: VerifyClientCertIfGiven"],
)
def test_what_restricts_nothing_is_taken_as_it_is_written(more: str, tmp_path: Path, authority: Authority) -> None:
    del authority
    assert read(tmp_path, TLS + more + "}").tls is not None


@pytest.mark.skipif(hasattr(ssl.SSLContext, "set_groups"), reason="this Python can take several")
def test_several_curves_are_refused_where_only_one_can_be_had(tmp_path: Path, authority: Authority) -> None:
    del authority
    with pytest.raises(BadWebConfigError, match=r"curve_preferences: .*one curve or all four .*keep one, or take the key out"):
        read(tmp_path, TLS + ", curve_preferences: [X25519, CurveP256]}")


def test_what_is_no_ordinary_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe, large = tmp_path / "pipe.yml", tmp_path / "large.yml"
    os.mkfifo(pipe)
    with large.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    for name, cause in ((pipe, "no ordinary file"), ("/dev/zero", "no ordinary file"), (large, "larger than 4 MiB")):
        with pytest.raises(BadWebConfigError, match=cause):
            read_config(str(name))
        with pytest.raises(BadWebConfigError, match=cause):
            Source("tls_server_config.cert_file", str(name)).read()
