import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autoscaler import __version__
from autoscaler.api import holiday_codes
from autoscaler.cli import app

GOOD = """
apiVersion: foresail.dev/v1alpha1
kind: PredictiveAutoscaler
metadata: {name: shop}
spec:
  scaleTargetRef: {kind: Deployment, name: shop}
  mode: Scale
  maxReplicas: 5
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
"""
BAD = """
apiVersion: foresail.dev/v1alpha1
kind: PredictiveAutoscaler
metadata: {name: shop, namespace: market}
spec:
  scaleTargetRef: {kind: Deployment, name: shop}
  minReplicas: 5
  maxReplicas: 3
  metrics: [{type: Guess}]
---
apiVersion: foresail.dev/v1alpha1
kind: HealingPolicy
metadata: {name: heal}
spec: {mode: Heal, selector: {}, faults: {notReady: {}}}
"""


def run(*arguments: str, stdin: str | bytes | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments), input=stdin)
    return result.exit_code, result.output


def manifest(folder: Path, text: str) -> str:
    path = folder / "objects.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("how", ["version", "--version"])
def test_the_version_is_printed(how: str) -> None:
    assert run(how) == (0, f"foresail {__version__}\n")


def test_a_valid_manifest_passes_and_other_kinds_are_named_and_skipped(tmp_path: Path) -> None:
    code, text = run("validate", manifest(tmp_path, GOOD))
    assert code == 0
    assert "PredictiveAutoscaler default/shop: valid" in text
    assert "ConfigMap default/other: skipped" in text


def test_every_wrong_field_of_every_object_is_printed(tmp_path: Path) -> None:
    code, text = run("validate", manifest(tmp_path, BAD))
    assert code == 1
    for words in ("PredictiveAutoscaler market/shop: spec.mode", "spec.metrics[0].type", "HealingPolicy default/heal"):
        assert words in text
    assert "spec.selector" in text


def test_a_manifest_may_come_from_standard_input() -> None:
    assert run("validate", "-", stdin=GOOD)[0] == 0


def test_a_list_of_objects_is_looked_into(tmp_path: Path) -> None:
    items = "".join(
        f"- {json.dumps({'apiVersion': 'foresail.dev/v1alpha1', 'kind': 'HealingPolicy', 'spec': {}})}\n" for _ in "ab"
    )
    code, text = run("validate", manifest(tmp_path, f"kind: List\napiVersion: v1\nitems:\n{items}"))
    assert code == 1
    assert text.count("spec.mode") == 2


def test_a_wrong_api_version_is_named(tmp_path: Path) -> None:
    code, text = run("validate", manifest(tmp_path, GOOD.replace("foresail.dev/v1alpha1", "foresail.dev/v9")))
    assert code == 1
    assert "foresail.dev/v9" in text


@pytest.mark.parametrize("text", ["", "---\n---\n", "kind: ConfigMap\n", "kind: List\nitems: []\n"])
def test_a_file_that_holds_nothing_of_ours_is_no_success(tmp_path: Path, text: str) -> None:
    code, output = run("validate", manifest(tmp_path, text))
    assert code == 1
    assert "holds no PredictiveAutoscaler and no HealingPolicy" in output


def test_among_files_of_which_one_is_ours_the_others_are_only_said_to_hold_nothing(tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("kind: ConfigMap\n")
    code, text = run("validate", str(other), manifest(tmp_path, GOOD))
    assert code == 0
    assert "other.yaml: holds no PredictiveAutoscaler" in text


def test_what_would_be_a_command_to_the_terminal_is_printed_as_text(tmp_path: Path) -> None:
    _, text = run("validate", manifest(tmp_path, 'kind: ConfigMap\nmetadata: {name: "\\e[31m\\n"}'))
    assert r"\x1b[31m\n: skipped" in text


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, ".", ""])
def test_a_name_that_no_file_has_is_answered_with_a_sentence(name: str) -> None:
    code, text = run("validate", name)
    assert code == 1
    assert "cannot be read: " in text


def test_without_a_standard_input_that_is_said() -> None:
    command = [sys.executable, "-c", "import sys; sys.stdin = None; from autoscaler.cli import app; app(['validate', '-'])"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "standard input: cannot be read: there is no standard input\n"


def test_a_file_that_is_not_there_is_named_and_the_others_are_checked(tmp_path: Path) -> None:
    code, text = run("validate", str(tmp_path / "nowhere.yaml"), manifest(tmp_path, GOOD))
    assert code == 1
    assert "nowhere.yaml: cannot be read" in text
    assert "valid" in text


def test_wrong_settings_stop_the_start_with_one_message_and_no_traceback() -> None:
    code, text = run("run", "--log-level", "loud", "--prometheus-url", "somewhere")
    assert code == 2
    assert "log.level from flag --log-level" in text
    assert "prometheus.url" in text
    assert "Traceback" not in text


def test_the_settings_are_printed_as_a_table() -> None:
    code, text = run("settings")
    assert code == 0
    assert "| `prometheus.url` |" in text


COMMANDS = ["run", "validate -", "convert -", "explain a/b", "settings", "adopt a/b", "release a/b"]


@pytest.mark.parametrize("command", COMMANDS)
def test_without_the_extra_the_program_starts_and_says_what_to_install(command: str) -> None:
    blocked = ("msgspec", "yaml", "aiohttp", "numpy", "kubernetes_asyncio", "prometheus_client", "sklearn", "orjson")
    program = textwrap.dedent(f"""
        import sys
        sys.modules.update(dict.fromkeys({blocked!r}))
        class Missing:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in {blocked!r}:
                    raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
        for name in {blocked!r}:
            del sys.modules[name]
        sys.meta_path.insert(0, Missing())
        from autoscaler.cli import app
        app({command.split()!r})
    """)
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60, stdin=-3)
    assert result.returncode == 1
    assert "in the folder of Foresail's source, type: pip install '.[service]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_whole_program_starts_says_its_settings_and_ends_by_a_signal(tmp_path: Path) -> None:
    """No cluster and no Prometheus are there: it must wait for them, serve its probes, and end in order."""
    kubeconfig = tmp_path / "kubeconfig"
    cluster = {"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}  # nothing listens on the discard port
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    content = {"apiVersion": "v1", "kind": "Config", "current-context": "c", "clusters": [cluster], "contexts": [context]}
    kubeconfig.write_text(json.dumps({**content, "users": [{"name": "u", "user": {}}]}))
    environ = {"PATH": os.environ["PATH"], "FORESAIL_LEADER_ELECTION__NAMESPACE": "default", "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "autoscaler", "run", "--kubeconfig", str(kubeconfig), "--web-port", "0"]
    with subprocess.Popen([*command, "--log-format", "json"], stderr=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stderr
        first = json.loads(process.stderr.readline())
        lines = iter(process.stderr.readline, "")
        failed = next(json.loads(line) for line in lines if '"watch_failed"' in line)
        process.send_signal(signal.SIGTERM)
        rest = list(lines)
        assert process.wait(timeout=60) == 0
    assert (first["event"], first["version"]) == ("starting", __version__)
    assert first["settings"]["web"]["port"] == 0
    assert "127.0.0.1" in failed["problem"]
    assert json.loads(rest[-1])["event"] == "stopped"
    assert not any("Traceback" in line for line in rest)


def test_validate_names_the_extra_that_brings_what_a_manifest_needs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)
    monkeypatch.setitem(sys.modules, "holidays.registry", None)
    holiday_codes.country_fault.cache_clear()  # of Germany, whom another test may have asked for
    holiday_codes._countries.cache_clear()
    monday_to_friday = "{name: week, cron: '0 9 * * 1-5', until: '0 17 * * *', min: 2, exclude: [{country: DE}]}"
    text = GOOD.replace("  maxReplicas: 5\n", f"  maxReplicas: 5\n  schedules: [{monday_to_friday}]\n", 1)
    code, said = run("validate", manifest(tmp_path, text))
    assert code == 1
    assert "needs the Python package holidays" in said
