"""Whatever stands in a web configuration or in a header, the answer is a value or a refusal in words."""

from __future__ import annotations

import base64
import contextlib
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from exporters.web.config import read_config
from exporters.web.passwords import Credentials, credentials
from exporters.web.rate import Bucket
from exporters.web.section import BadWebConfigError
from exporters.web.tls import names_of
from exporters.web.tokens import bearer

KEYS = st.sampled_from(
    [
        "tls_server_config",
        "http_server_config",
        "basic_auth_users",
        "rate_limit",
        "cert",
        "cert_file",
        "key",
        "key_file",
        "client_ca",
        "client_ca_file",
        "client_auth_type",
        "client_allowed_sans",
        "min_version",
        "max_version",
        "cipher_suites",
        "prefer_server_cipher_suites",
        "curve_preferences",
        "http2",
        "headers",
        "X-Frame-Options",
        "interval",
        "burst",
        "alice",
    ]
)
WORDS = st.sampled_from(
    ["NoClientCert", "RequireAndVerifyClientCert", "TLS12", "TLS13", "CurveP256", "1s", "0", "5", "true", "deny", "x"]
)
VALUES = st.recursive(
    st.none() | WORDS | st.text(max_size=8) | st.integers() | st.booleans() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=6),
    max_leaves=12,
)
SAME_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def refuse_or_read(folder: Path, text: bytes) -> None:
    file = folder / "web.yml"
    file.write_bytes(text)
    with contextlib.suppress(BadWebConfigError):
        read_config(str(file))


@SAME_FOLDER
@given(text=st.binary(max_size=200))
@example(text=b"a: *b")
@example(text=b"&a [*a]")
@example(text=b"!!python/object/apply:os.system [x]")
@example(text=b"%YAML 9.9\n---\n")
@example(text=b"? {a: b}\n: c")
@example(text=b"basic_auth_users: &a {alice: *a}")
def test_bytes_of_any_kind_are_read_or_refused(tmp_path: Path, text: bytes) -> None:
    refuse_or_read(tmp_path, text)


@SAME_FOLDER
@given(value=VALUES)
def test_values_of_any_kind_are_read_or_refused(tmp_path: Path, value: object) -> None:
    refuse_or_read(tmp_path, yaml.safe_dump({"tls_server_config": value}, allow_unicode=True).encode("utf-8", "replace"))
    refuse_or_read(tmp_path, yaml.safe_dump(value, allow_unicode=True).encode("utf-8", "replace"))


@given(header=st.text(st.characters(), max_size=60) | st.text(st.characters(), max_size=60).map("Basic ".__add__))
@example(header="Basic \udcff")
@example(header="Basic =")
def test_any_header_is_credentials_or_none(header: str) -> None:
    assert isinstance(credentials(header), Credentials | None)
    assert isinstance(bearer(header), str | None)
    assert isinstance(bearer(header.replace("Basic", "Bearer")), str | None)


@given(user=st.binary(max_size=20).filter(lambda text: b":" not in text), password=st.binary(max_size=20))
def test_what_was_sent_is_what_is_read(user: bytes, password: bytes) -> None:
    header = "BASIC " + base64.b64encode(user + b":" + password).decode()
    assert credentials(header) == Credentials(user, password)


@given(
    steps_s=st.lists(st.floats(0, 10), max_size=50),
    interval_s=st.floats(0.01, 10),
    burst=st.integers(1, 20),
)
def test_a_bucket_never_gives_more_than_its_burst_and_its_rate(steps_s: list[float], interval_s: float, burst: int) -> None:
    now_s = [0.0]
    bucket = Bucket(interval_s, burst, lambda: now_s[0])
    taken = 0
    for step_s in steps_s:
        now_s[0] += step_s
        taken += bucket.take()
    assert taken <= burst + now_s[0] / interval_s + 1e-6


@pytest.mark.parametrize("certificate", [None, {}, {"subjectAltName": ()}, {"subject": ()}])
def test_a_certificate_without_names_has_none(certificate: dict[str, object] | None) -> None:
    assert names_of(certificate) == frozenset()
