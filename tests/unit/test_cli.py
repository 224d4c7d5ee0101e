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


def run(*arguments: str, stdin: str | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments), input=stdin)
    return result.exit_code, result.output


def manifest(folder: Path, text: str) -> str:
    path = folder / "objects.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_version_is_printed() -> None:
    assert run("version") == (0, f"foresail {__version__}\n")


def test_a_valid_manifest_passes_and_other_kinds_are_passed_over(tmp_path: Path) -> None:
    code, text = run("validate", manifest(tmp_path, GOOD))
    assert code == 0
    assert "PredictiveAutoscaler default/shop: valid" in text


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


@pytest.mark.parametrize("text", ["a: [1", "kind: ConfigMap\n"])
def test_a_file_that_holds_nothing_of_ours_is_said_to(tmp_path: Path, text: str) -> None:
    code, output = run("validate", manifest(tmp_path, text))
    assert ("is not YAML" in output, code) in {(True, 1), (False, 0)}


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


@pytest.mark.parametrize("command", ["run", "validate -", "settings"])
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
    assert "pip install 'foresail[service]'" in result.stderr
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
        assert process.wait(timeout=20) == 0
    assert (first["event"], first["version"]) == ("starting", __version__)
    assert first["settings"]["web"]["port"] == 0
    assert "127.0.0.1" in failed["problem"]
    assert json.loads(rest[-1])["event"] == "stopped"
    assert not any("Traceback" in line for line in rest)
