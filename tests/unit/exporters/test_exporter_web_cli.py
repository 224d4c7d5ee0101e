"""The flags of the web configuration, in a process of its own."""

from __future__ import annotations

import re
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from exporters.cli import _parser, _settings, main
from exporters.settings import Web
from tests.unit.exporters.running import ROOT, running
from tests.unit.exporters.web_rig import Authority, hashed, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.exporters.trees import Host


@pytest.fixture(autouse=True)
def outside_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "NODE_NAME"):
        monkeypatch.delenv(name, raising=False)


def flags_for(host: Host) -> list[str]:
    return [
        f"--path.procfs={host.procfs}",
        f"--path.cgroupfs={host.cgroupfs}",
        f"--path.containers-log={host.log}",
        "--web.listen-address=127.0.0.1:0",
    ]


def test_without_the_flags_nothing_is_asked_for() -> None:
    web = _settings(_parser().parse_args([])).web
    assert (web.config_file, web.token_review) == ("", False)


def test_how_long_a_reading_is_given_again_can_be_chosen() -> None:
    assert _settings(_parser().parse_args([])).web.reuse_s == Web().reuse_s
    assert _settings(_parser().parse_args(["--web.reuse-seconds=0"])).web.reuse_s == 0


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--web.config.file=/nonexistent", r"--web\.config\.file: /nonexistent: it cannot be read: No such file"),
        ("--web.config.file={bad}", r"--web\.config\.file: .*web\.yml: basic_auth_users\.alice: this is no bcrypt hash; make"),
        ("--web.reuse-seconds=soon", r"--web\.reuse-seconds: 'soon' is no number of seconds from 0 to 60; write one such as 0"),
        ("--web.reuse-seconds=-1", r"--web\.reuse-seconds: '-1' is no number"),
        ("--web.reuse-seconds=nan", r"--web\.reuse-seconds: 'nan' is no number"),
        ("--web.token-review", r"--web\.token-review: KUBERNETES_SERVICE_HOST is not set.*leave the flag out"),
    ],
)
def test_what_cannot_work_ends_with_2_and_names_flag_key_and_remedy(
    flag: str, said: str, v2: Host, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = write(tmp_path, "basic_auth_users: {alice: secret}")
    with pytest.raises(SystemExit) as ended:
        main([*flags_for(v2), flag.format(bad=bad)])
    assert ended.value.code == 2
    assert re.search(said, capsys.readouterr().err)


def test_the_process_serves_encrypted_and_with_passwords(v2: Host, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.server()
    file = write(
        tmp_path,
        f"tls_server_config: {{cert_file: server.crt, key_file: server.key}}\nbasic_auth_users: {{alice: {hashed('a')}}}\n",
    )
    with running(*flags_for(v2), "--web.reuse-seconds=0", f"--web.config.file={file}") as (url, _, lines):
        assert {"event": "web_guarded", "encrypted": True, "users": 1, "token_review": False}.items() <= lines[1].items()
        assert "$2" not in repr(lines)
        address = url.replace("http:", "https:")
        encrypted = urllib.request.HTTPSHandler(context=authority.trust())
        with urllib.request.build_opener(encrypted).open(f"{address}/healthz", timeout=60) as response:
            assert response.status == 200
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.build_opener(encrypted).open(f"{address}/metrics", timeout=60)
        with pytest.raises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
            urllib.request.build_opener().open(f"{url}/metrics", timeout=60)
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        passwords.add_password(None, address, "alice", "a")
        opener = urllib.request.build_opener(encrypted, urllib.request.HTTPBasicAuthHandler(passwords))
        with opener.open(f"{address}/metrics", timeout=60) as response:
            answer = response.read()
        assert b"container_cpu_usage_seconds_total" in answer
        assert b"\nforesail_exporter_web_config_last_reload_successful 1.0\n" in answer
        write(tmp_path, "basic_auth_user: {}")
        with opener.open(f"{address}/metrics", timeout=60) as response:
            assert b"\nforesail_exporter_web_config_last_reload_successful 0.0\n" in response.read()


def test_who_does_not_need_the_libraries_for_it_does_not_pay_for_them() -> None:
    code = "import sys, exporters.cli; from exporters.web.gate import make_gate; make_gate('', None); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert set(done.stdout.split()) & {"yaml", "bcrypt", "cryptography"} == set()


@pytest.mark.parametrize("package", ["bcrypt", "yaml"])
def test_a_missing_library_is_told_with_what_to_type(package: str, tmp_path: Path) -> None:
    file = write(tmp_path, f"basic_auth_users: {{alice: {hashed('a')}}}")
    code = (
        f"import sys; sys.modules[{package!r}] = None; from exporters.web.gate import make_gate; make_gate({str(file)!r}, None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert f"the Python package {package} is missing; type: pip install 'foresail[exporter]'" in done.stderr
