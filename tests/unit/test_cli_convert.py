"""`foresail convert`: manifests on standard output, everything else on standard error, and an exit code to go by."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from autoscaler.cli import app
from autoscaler.manifests import LARGEST_BYTES

HPA = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: shop, namespace: market}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}
  maxReplicas: 5
  metrics:
  - type: Resource
    resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}
"""
SCALED_OBJECT = """
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: worker, labels: {"on": "y", "1": "1e3"}, annotations: {note: "two\\nlines"}}
spec:
  scaleTargetRef: {name: worker}
  triggers:
  - type: prometheus
    metadata: {serverAddress: "http://prometheus:9090", query: 'sum(rate(jobs_total{queue="a: b"}[2m]))', threshold: "5"}
"""
OTHER = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n"
OUT = """\
apiVersion: foresail.dev/v1alpha1
kind: PredictiveAutoscaler
metadata: {name: shop, namespace: market}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}
  mode: Observe
  maxReplicas: 5
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: 60}
"""


def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["convert", *arguments], input=stdin)


def test_an_hpa_is_printed_as_people_would_write_it() -> None:
    ended = run("-", stdin=HPA)
    assert (ended.exit_code, ended.stdout) == (0, OUT)
    assert "standard input: HorizontalPodAutoscaler market/shop: converted\n" in ended.stderr
    assert "1 object converted; mode Observe only says what would be done" in ended.stderr


def test_the_mode_can_be_chosen_but_not_one_that_is_for_hpas_that_stay() -> None:
    assert "mode: Scale" in run("-", "--mode", "Scale", stdin=HPA).stdout
    assert run("-", "--mode", "HPAFloor", stdin=HPA).exit_code == 2


@pytest.mark.parametrize("mode", ["Observe", "Scale"])
def test_what_is_printed_is_valid(mode: str) -> None:
    ended = run("-", "--mode", mode, stdin=f"{HPA}---{SCALED_OBJECT}---\n{OTHER}")
    assert ended.exit_code == 0
    assert ended.stdout.count("\n---\n") == 1
    checked = CliRunner().invoke(app, ["validate", "-"], input=ended.stdout)
    assert checked.exit_code == 0, checked.output
    assert checked.stdout.count(": valid") == 2
    assert 'labels: {"on": "y", "1": "1e3"}' in ended.stdout


def test_what_is_left_out_and_what_is_passed_over_is_told_by_its_name() -> None:
    ended = run("-", stdin=f"{SCALED_OBJECT}---\n{OTHER}")
    assert ended.exit_code == 0
    assert (
        "standard input: ScaledObject default/worker: spec.triggers[0].metadata.serverAddress: not carried over" in ended.stderr
    )
    assert "standard input: ConfigMap default/other: passed over" in ended.stderr


def test_lists_are_looked_into_also_as_the_api_server_sends_them() -> None:
    item = HPA.strip().replace("\n", "\n  ")
    bare = item.split("\n", 2)[2].strip()
    assert run("-", stdin=f"apiVersion: v1\nkind: List\nitems:\n- {item}\n").stdout == OUT
    text = f"apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscalerList\nitems:\n- {bare}\n"
    assert run("-", stdin=text).stdout == OUT


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no HorizontalPodAutoscaler and no ScaledObject"),
        (OTHER, "holds no HorizontalPodAutoscaler and no ScaledObject"),
        ("a: [1", "is not YAML that can be read"),
        ("hello", "line 1: must be an object with apiVersion, kind, metadata and spec, not hello"),
        ("- a", "not a list"),
        ("kind: HorizontalPodAutoscalerList\nitems: 1", "passed over"),
        (HPA.replace("maxReplicas: 5", "maxReplicas: 0"), "spec.maxReplicas: must be a whole number"),
        (HPA.replace("maxReplicas: 5", "maxReplicas: 5\n  maxReplicas: 6"), "nothing of this document is converted"),
        (b"a" * (LARGEST_BYTES + 1), "is larger than 8 MiB"),
    ],
)
def test_where_nothing_can_be_converted_it_says_why_and_prints_nothing(text: str | bytes, said: str) -> None:
    ended = run("-", stdin=text)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert said in ended.stderr
    assert ended.stderr.endswith("nothing converted\n")


def test_one_that_fails_does_not_keep_the_others_back() -> None:
    ended = run("-", stdin=f"{HPA}---{HPA.replace('maxReplicas: 5', 'maxReplicas: 0')}")
    assert (ended.exit_code, ended.stdout) == (1, OUT)


def test_two_objects_do_not_become_one_of_the_same_name(tmp_path: Path) -> None:
    file = tmp_path / "hpa.yaml"
    file.write_text(HPA)
    ended = run(str(file), "-", stdin=SCALED_OBJECT.replace("name: worker, labels", "name: shop, namespace: market, labels"))
    assert (ended.exit_code, ended.stdout) == (1, OUT)
    assert "another object became PredictiveAutoscaler market/shop already; rename one of both" in ended.stderr


def test_a_file_that_is_not_there_is_named_and_the_others_are_converted(tmp_path: Path) -> None:
    ended = run(str(tmp_path / "nowhere.yaml"), "-", stdin=HPA)
    assert (ended.exit_code, ended.stdout) == (1, OUT)
    assert "nowhere.yaml: cannot be read" in ended.stderr


def test_the_example_of_the_page_is_what_is_printed() -> None:
    page = (Path(__file__).parents[2] / "docs" / "migrate.md").read_text(encoding="utf-8")
    given, printed = re.findall(r"^```yaml\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    ended = run("-", stdin=given)
    assert ended.stdout == printed
    told = [line.split(": ")[2].rpartition(".")[2] for line in ended.stderr.splitlines() if ": spec." in line]
    [sentence] = re.findall(r"with notes about (.*):$", page, flags=re.MULTILINE)
    assert re.findall(r"`(\w+)`", sentence) == told


def test_however_much_is_left_out_the_answer_stays_short() -> None:
    annotations = ", ".join(f"{'k' * 900}{index}: 1" for index in range(200))
    ended = run("-", stdin=HPA.replace("namespace: market}", f"namespace: market, annotations: {{{annotations}}}}}"))
    assert (ended.exit_code, ended.stdout) == (0, OUT)
    told = ended.stderr.splitlines()
    assert max(map(len, told)) < 800
    assert len(told) < 110
    assert "and 100 more of the kind" in ended.stderr
