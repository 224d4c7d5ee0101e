"""The command: flags, refusals, and a process that starts and ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from exporters.cli import _parser, _settings, main
from exporters.collectors import REGISTERED
from exporters.settings import Kubelet
from tests.unit.exporters.running import ROOT, get, running

if TYPE_CHECKING:
    from exporters.settings import Settings
    from tests.unit.exporters.trees import Host


@pytest.fixture(autouse=True)
def outside_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "NODE_NAME", "NODE_IP"):
        monkeypatch.delenv(name, raising=False)


def flags_for(host: Host) -> list[str]:
    return [
        f"--path.procfs={host.procfs}",
        f"--path.cgroupfs={host.cgroupfs}",
        f"--path.containers-log={host.log}",
        "--web.listen-address=127.0.0.1:0",
    ]


def settings_of(*flags: str) -> Settings:
    return _settings(_parser().parse_args(flags))


def test_the_defaults_are_those_of_node_exporter_with_every_default_collector() -> None:
    settings = settings_of()
    assert (settings.web.host, settings.web.port, settings.web.telemetry_path) == (None, 9109, "/metrics")
    assert (str(settings.roots.procfs), str(settings.roots.cgroupfs)) == ("/proc", "/sys/fs/cgroup")
    assert str(settings.roots.containers_log) == "/var/log/containers"
    assert settings.collectors == tuple(one.name for one in REGISTERED if one.is_default)
    assert not settings.kubernetes.enabled


def test_places_cgroups_and_the_kubelet_are_chosen_by_flags() -> None:
    settings = settings_of(
        "--path.sysfs=/host/sys",
        "--path.machine-id=/host/machine-id",
        "--cgroup.include=/system.slice/.*",
        "--kubelet.address=10.0.0.7",
        "--kubelet.port=10251",
        "--kubelet.ca-file=/ca",
        "--kubelet.insecure-skip-verify",
    )
    assert (str(settings.roots.sysfs), str(settings.roots.machine_id)) == ("/host/sys", "/host/machine-id")
    assert settings.cgroup_include == "/system.slice/.*"
    assert settings.kubelet == Kubelet("10.0.0.7", 10251, "/ca", insecure_skip_verify=True)


def test_collectors_are_switched_by_their_names() -> None:
    assert "network" not in settings_of("--no-collector.network").collectors
    only = settings_of(*(f"--no-collector.{one.name}" for one in REGISTERED), "--collector.cpu")
    assert only.collectors == ("cpu",)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        (":9109", None, 9109),
        ("0.0.0.0:80", "0.0.0.0", 80),  # noqa: S104 - an example
        ("localhost:0", "localhost", 0),
        ("[::1]:9109", "::1", 9109),
        ("[fe80::1%eth0]:9109", "fe80::1%eth0", 9109),
        ("[::]:9101", None, 9101),
        ("node_1.example.:65535", "node_1.example.", 65535),
    ],
)
def test_an_address_is_read_as_node_exporter_reads_it(text: str, host: str | None, port: int) -> None:
    web = settings_of(f"--web.listen-address={text}").web
    assert (web.host, web.port) == (host, port)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "it has no port"),
        ("localhost", "it has no port"),
        ("9101", "the colon before the port is missing"),
        ("localhost:", "the port is missing"),
        ("localhost:http", "the port 'http' is not a number"),
        (":99999", "no port is above 65535"),
        (":000000080", "no port is above 65535"),
        (":-1", "the port '-1' is not a number"),
        (":٣", "the port '٣' is not a number"),
        ("::1:9101", "an IPv6 address must be in brackets"),
        ("[::1]", "brackets go around an IPv6 address, and a colon and the port come after them"),
        ("[::1:9101", "brackets go around an IPv6 address, and a colon and the port come after them"),
        ("[localhost]:9101", "there is no IPv6 address in the brackets"),
        ("[]:9101", "there is no IPv6 address in the brackets"),
        ("http://localhost:9101", "it is a URL"),
        ("localhost:9101/metrics", "a path belongs to --web.telemetry-path"),
        ("*:9101", "every address is the empty host"),
        ("a b:9101", "'a b' is neither the name of a host nor an IPv4 address"),
        ("a..b:9101", "'a..b' is neither the name of a host nor an IPv4 address"),
        ("é:9101", "'é' is neither the name of a host nor an IPv4 address"),
        (f"{'a' * 64}:9101", "is neither the name of a host nor an IPv4 address"),
    ],
)
def test_what_is_no_address_is_answered_with_the_cause_and_the_forms_that_are(
    text: str, cause: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal(f"--web.listen-address={text}", capsys)
    assert f"{text!r} is no address: " in said
    assert f"{cause}; write :9109 for every address, or HOST:PORT such as 127.0.0.1:9109, [::1]:9109" in said


@pytest.mark.parametrize("path", ["/", "/metrics", "/metrics/", "/a/b.c_d~e-f", "/-/healthy", "/healthz/x"])
def test_a_path_for_the_metrics_is_taken_as_it_is(path: str) -> None:
    assert settings_of(f"--web.telemetry-path={path}").web.telemetry_path == path


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("", "it must begin with a slash"),
        ("metrics", "it must begin with a slash"),
        ("/metrics?a=b", "a query or a fragment is no part of a path"),
        ("/metrics#a", "a query or a fragment is no part of a path"),
        ("/a b", "letters, digits"),
        ("/a%20b", "letters, digits"),
        ("/{a}", "letters, digits"),
        ("/é", "letters, digits"),
        ("/a\n", "letters, digits"),
        ("/" + "a" * 255, "255 of them"),
        ("//", "an empty part or one of dots only"),
        ("//metrics", "an empty part or one of dots only"),
        ("/metrics//", "an empty part or one of dots only"),
        ("/./metrics", "an empty part or one of dots only"),
        ("/a/..", "an empty part or one of dots only"),
        ("/healthz", "that is where health and readiness are told"),
        ("/readyz/", "that is where health and readiness are told"),
    ],
)
def test_a_path_that_nobody_could_ask_for_is_refused_with_the_cause(
    path: str, cause: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal(f"--web.telemetry-path={path}", capsys)
    assert f"{path!r} cannot be the path of the metrics: " in said
    assert cause in said


def refusal(flag: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        settings_of(flag)
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_the_version_is_printed_with_the_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert re.fullmatch(r"foresail-exporter \S+\n", capsys.readouterr().out)


def test_in_a_pod_the_watch_is_on_and_the_node_is_known_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("NODE_NAME", "node-a")
    kubernetes = settings_of().kubernetes
    assert (kubernetes.enabled, kubernetes.node_name) == (True, "node-a")
    assert not settings_of("--no-kubernetes").kubernetes.enabled


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (
            ["--web.listen-address=:9109", "--web.listen-address=:9110"],
            r"--web\.listen-address: given twice; this serves at one",
        ),
        (["--web.listen-address=9109"], r"--web\.listen-address: '9109' is no address: .*; write :9109 for every address, or"),
        (["--web.telemetry-path=metrics"], r"--web\.telemetry-path: 'metrics' cannot be .*; write one such as /metrics"),
        (["--web.telemetry-path=/healthz"], r"--web\.telemetry-path"),
        (["--log.level=loud"], r"--log\.level: invalid choice: 'loud' \(choose from"),
        (["--kubelet.port=0"], r"--kubelet\.port: '0' is no port; write a number from 1 to 65535"),
        (["--kubelet.port=65536"], r"--kubelet\.port: '65536' is no port"),
        (["--kubelet.port=-1"], r"--kubelet\.port: '-1' is no port"),
        (["--kubelet.port=1e3"], r"--kubelet\.port: '1e3' is no port"),
        (["--collector.nothing"], r"unrecognized arguments: --collector\.nothing"),
        (["--path.proc=/"], r"unrecognized arguments: --path\.proc=/"),
        (["--path.cgroupfs=/nonexistent"], r"--path\.cgroupfs: .*/nonexistent.*name the folder where"),
        (["--path.procfs=/nonexistent"], r"--path\.procfs: /nonexistent/stat: No such file.*name the folder where"),
        (["--cgroup.include=("], r"--cgroup\.include: '\(' is no regular expression: .*; write one such as"),
        (["--collector.volumes"], r"--collector\.volumes: .*--kubelet\.address.*NODE_IP"),
        (["--collector.volumes", "--kubelet.address=10.0.0.7"], r"--collector\.volumes: .*token.*--kubernetes"),
        (["--kubernetes"], r"--node-name: .*NODE_NAME.*--no-kubernetes"),
        (["--kubernetes", "--node-name=a"], r"--kubernetes: KUBERNETES_SERVICE_HOST is not set.*--no-kubernetes"),
    ],
)
def test_a_flag_that_does_not_fit_ends_with_2_and_names_flag_and_remedy(
    flags: list[str], said: str, v2: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*flags_for(v2), *flags])
    assert ended.value.code == 2
    assert re.search(said, capsys.readouterr().err)


@pytest.mark.parametrize(("word", "level"), [("warn", "warning"), ("warning", "warning"), ("debug", "debug")])
def test_a_level_may_be_spelt_as_node_exporter_does(word: str, level: str) -> None:
    assert settings_of(f"--log.level={word}").log.level == level


def test_the_defaults_can_be_switched_off_at_once_and_some_be_kept() -> None:
    assert settings_of("--collector.disable-defaults").collectors == ()
    some = settings_of("--collector.cpu", "--collector.disable-defaults", "--collector.sched", "--no-collector.memory")
    assert set(some.collectors) == {"cpu", "sched"}
    default = {one.name for one in REGISTERED if one.is_default}
    assert set(settings_of("--collector.sched", "--no-collector.cpu").collectors) == default - {"cpu"} | {"sched"}


def test_the_help_says_which_collectors_are_on(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    words = " ".join(capsys.readouterr().out.split())
    for one in REGISTERED:
        assert f"{one.help} (default: {'on' if one.is_default else 'off'})" in words


def test_the_process_serves_logs_its_settings_first_and_ends_well_on_sigterm(v2: Host) -> None:
    with running(*flags_for(v2)) as (url, process, lines):
        assert lines[0]["event"] == "starting"
        assert {"version", "web", "paths", "kubernetes", "collectors", "cgroup_version"} <= set(lines[0])
        assert "container_cpu_usage_seconds_total" in get(f"{url}/metrics")
        assert get(f"{url}/readyz") == "ok\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_the_process_says_which_address_it_cannot_have_and_ends_with_1(v2: Host) -> None:
    with running(*flags_for(v2)) as (url, _, _lines):
        port = url.rpartition(":")[2]
        others = [flag for flag in flags_for(v2) if not flag.startswith("--web.listen-address")]
        flags = [*others, f"--web.listen-address=127.0.0.1:{port}", "--log.format=json"]
        second = subprocess.run(
            [sys.executable, "-c", "from exporters.cli import main; main()", *flags],
            capture_output=True, text=True, cwd=ROOT, check=False, timeout=30,
        )  # fmt: skip
    last = json.loads(second.stderr.splitlines()[-1])
    assert second.returncode == 1
    assert last["event"] == "cannot_listen"
    assert last["cause"] == f"cannot listen on 127.0.0.1:{port}: another process has that port in use"
    assert last["remedy"] == "end it (`ss -ltnp` names it), or choose another port (--web.listen-address)"
    assert "Traceback" not in second.stderr


def test_the_exporter_stays_small_by_what_it_does_not_import() -> None:
    code = "import sys, exporters.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert set(done.stdout.split()) & {"kubernetes_asyncio", "numpy", "sklearn", "pydantic", "typer", "autoscaler"} == set()
