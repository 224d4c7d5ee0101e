"""The commands as they are typed, against an API server over HTTP."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from autoscaler.api.marks import ADOPTED, FLOOR_OF
from autoscaler.api.parse import predictive_autoscaler
from autoscaler.cli import app
from autoscaler.handover.record import record_of
from tests.fakes.waiting import until
from tests.unit.handover.stage import HPAS, NAMESPACE, OURS, Stage, a_stage, an_autoscaler, an_hpa


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.output


async def typed(stage: Stage, folder: Path, *words: str) -> tuple[int, str]:
    """Type a command in a process of its own, as the pretended API server needs this one's loop."""
    kubeconfig = str(stage.api.kubeconfig(folder))
    command = [sys.executable, "-m", "autoscaler", *words, "--kubeconfig", kubeconfig]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "COLUMNS": "200"},
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, output.decode()


async def test_an_hpa_is_adopted_and_released(tmp_path: Path) -> None:
    async with a_stage() as stage:
        code, text = await typed(stage, tmp_path, "adopt", "default/shop")
        assert (code, stage.driver()) == (0, "ours"), text
        assert "To go back: foresail release default/shop" in text
        code, text = await typed(stage, tmp_path, "release", "default/shop")
        assert (code, stage.driver(), stage.ours()) == (0, "HPA", None), text


async def test_the_manifest_for_git_is_valid_and_nothing_is_changed(tmp_path: Path) -> None:
    async with a_stage() as stage:
        version = stage.cluster.version
        code, text = await typed(stage, tmp_path, "adopt", "default/shop", "--manifest")
        assert code == 0
        assert stage.cluster.version == version
        assert predictive_autoscaler(yaml.safe_load(text)).spec.max_replicas == 10


async def test_a_refusal_ends_with_one_and_its_reasons(tmp_path: Path) -> None:
    async with a_stage() as stage:
        stage.cluster.put(HPAS, an_hpa("twin"))
        code, text = await typed(stage, tmp_path, "adopt", "default/shop")
        assert code == 1
        assert "is not adopted:\n- HorizontalPodAutoscaler default/twin has the same target" in text
        assert "Traceback" not in text


async def test_everything_is_listed_and_needs_a_yes_where_nobody_can_be_asked(tmp_path: Path) -> None:
    async with a_stage() as stage:
        await stage.kill()
        stage.cluster.delete(HPAS, NAMESPACE, "shop")
        stage.cluster.put(OURS, an_autoscaler(mode="Scale", annotations={ADOPTED: record_of(an_hpa())}))
        code, text = await typed(stage, tmp_path, "release", "--all", "--timeout", "5")
        assert (code, stage.driver()) == (2, "ours")
        assert "to do: PredictiveAutoscaler default/shop: makes HorizontalPodAutoscaler default/shop, then deletes it" in text
        assert "give --yes" in text
        code, text = await typed(stage, tmp_path, "release", "--all", "--timeout", "5", "--yes")
        assert (code, stage.driver(), stage.ours()) == (0, "HPA", None), text
        assert "1 done, 0 failed" in text
        code, text = await typed(stage, tmp_path, "release", "--all", "--yes")
        assert (code, text) == (0, "Foresail holds nothing here\n")


async def test_interrupted_it_says_who_drives_and_what_to_type(tmp_path: Path) -> None:
    async with a_stage() as stage:
        await stage.kill()
        kubeconfig = str(stage.api.kubeconfig(tmp_path))
        command = [sys.executable, "-m", "autoscaler", "adopt", "default/shop", "--kubeconfig", kubeconfig]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL, stderr=pipe)
        await until(lambda: stage.ours() is not None)
        process.send_signal(signal.SIGINT)
        _, text = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 1
        assert "the workload has a driver all the time. To go on, type it again: foresail adopt default/shop" in text.decode()
        assert stage.driver() == "HPA"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("adopt", "shop"), "name it as NAMESPACE/NAME"),
        (("adopt", "a/b/c"), "name it as NAMESPACE/NAME"),
        (("release", "/b"), "name it as NAMESPACE/NAME"),
        (("release",), "or give --all"),
        (("release", "a/b", "--all"), "or give --all"),
        (("adopt", "a/.."), "NAMESPACE/NAME: name must be a DNS name"),
        (("adopt", "a/b", "--name", "\x1b[2J"), "--name: name must be a DNS name"),
        (("release", "../b"), "NAMESPACE/NAME: namespace must be a DNS label"),
        (("release", "--all", "--namespace", ".."), "--namespace: namespace must be a DNS label"),
        (("release", "a/b", "--namespace", "a"), "--namespace narrows --all"),
        *((("adopt", "a/b", "--tolerance", one), "Invalid value for '--tolerance'") for one in ("inf", "nan", "1e308", "-1")),
        *((("adopt", "a/b", "--timeout", one), "Invalid value for '--timeout'") for one in ("inf", "nan", "1e308", "0")),
        *((("release", "a/b", "--timeout", one), "Invalid value for '--timeout'") for one in ("inf", "nan", "1e308", "0")),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_is_asked(words: tuple[str, ...], said: str) -> None:
    code, text = run(*words)
    assert code == 2
    assert said in text
    assert "\x1b" not in text


async def test_what_others_wrote_is_no_command_to_the_terminal(tmp_path: Path) -> None:
    async with a_stage() as stage:
        await stage.kill()  # it would give back a floor that is nobody's
        stage.cluster.put(HPAS, an_hpa(annotations={FLOOR_OF: "x\x1b[2J\n- all is well\u202e"}))
        code, text = await typed(stage, tmp_path, "adopt", "default/shop")
        assert code == 1
        assert r"PredictiveAutoscaler x\x1b[2J\n- all is well\u202e raises its minReplicas" in text


async def test_a_reader_who_goes_away_does_not_end_a_take_over_half_way(tmp_path: Path) -> None:
    async with a_stage() as stage:
        kubeconfig = str(stage.api.kubeconfig(tmp_path))
        command = [sys.executable, "-m", "autoscaler", "adopt", "default/shop", "--kubeconfig", kubeconfig]
        read, write = os.pipe()
        os.close(read)
        process = await asyncio.create_subprocess_exec(*command, stdout=write, stderr=asyncio.subprocess.PIPE)
        os.close(write)
        _, text = await asyncio.wait_for(process.communicate(), 60)
        assert (process.returncode, text.decode()) == (0, "")
        ours = stage.ours()
        assert ours
        assert (stage.driver(), set(ours["metadata"]["annotations"])) == ("ours", {ADOPTED})


def test_a_cluster_that_cannot_be_reached_is_an_error_with_a_sentence(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    cluster = {"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}  # nothing listens on the discard port
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    content = {"apiVersion": "v1", "kind": "Config", "current-context": "c", "clusters": [cluster], "contexts": [context]}
    kubeconfig.write_text(json.dumps({**content, "users": [{"name": "u", "user": {}}]}))
    code, text = run("adopt", "a/b", "--kubeconfig", str(kubeconfig), "--context", "c")
    assert code == 1
    assert "no connection" in text
