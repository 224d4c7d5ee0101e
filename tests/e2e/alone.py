"""The service beside the cluster, for one namespace, with the rights that the chart gives it and no more.

As a process of its own, without Prometheus, it can be killed. What it may not do in a cluster it cannot do here.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

from demo.cluster import Cluster
from demo.cluster.config import PAUSE_IMAGE
from demo.stack import RELEASE
from demo.wheels import TREE
from tests.contract.support import Objects

Json = dict[str, Any]
T = TypeVar("T")
CHART = TREE / "helm" / "foresail"
DEADLINE_S = 90.0


def a_deployment(name: str, replicas: int) -> Json:
    """Return a Deployment of pods that do nothing and end at once."""
    labels = {"app": name}
    pod = {"containers": [{"name": "app", "image": PAUSE_IMAGE, "imagePullPolicy": "Never"}]}
    template = {"metadata": {"labels": labels}, "spec": {**pod, "terminationGracePeriodSeconds": 0}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": name}, "spec": spec}


async def until(look: Callable[[], Awaitable[T]], holds: Callable[[T], object], log: Path | None = None) -> T:
    """Look until what is found is as it should be, and return it; else fail with what was found last and the end of a log."""
    found: T | None = None
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not holds(found := await look()):  # noqa: ASYNC110 - what is waited for tells nobody
                await asyncio.sleep(0.1)
    except TimeoutError:
        said = await asyncio.to_thread(log.read_text) if log else ""
        pytest.fail(f"it stayed {found}; the service said:\n{said[-3000:]}")
    return found


@asynccontextmanager
async def the_service_account(cluster: Cluster, namespace: str, folder: Path) -> AsyncIterator[Path]:
    """Give the chart's service account with its roles for a namespace, as a kubeconfig; both go at the end."""
    values = folder / "values.yaml"
    chosen = {"kubernetes": {"namespaces": [namespace]}, "leader_election": {"enabled": False}}
    values.write_text(yaml.safe_dump({"settings": chosen, "exporter": {"enabled": False}}))
    shown = (f"--show-only=templates/{name}.yaml" for name in ("serviceaccount", "rbac"))
    words = ("template", RELEASE, str(CHART), "--namespace", namespace, "--values", str(values), *shown)
    roles = await asyncio.to_thread(cluster.helm, *words)
    await asyncio.to_thread(cluster.apply, roles)
    try:
        token = await asyncio.to_thread(cluster.kubectl, "create", "token", RELEASE, "--namespace", namespace)
        config = yaml.safe_load(cluster.kubeconfig.read_text())
        config["users"] = [{"name": one["name"], "user": {"token": token.strip()}} for one in config["users"]]
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(config))
        yield kubeconfig
    finally:
        await asyncio.to_thread(cluster.kubectl, "delete", "--ignore-not-found", "--filename=-", stdin=roles)


@asynccontextmanager
async def a_service(cluster: Cluster, objects: Objects, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the service for the namespace alone, and kill it at the end if it still runs."""
    async with (
        the_service_account(cluster, objects.namespace, folder) as kubeconfig,
        _running(objects, kubeconfig, folder) as one,
    ):
        yield one


@asynccontextmanager
async def _running(objects: Objects, kubeconfig: Path, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    settings = {
        "prometheus": {"url": "http://127.0.0.1:1"},
        "leader_election": {"enabled": False},
        "scaling": {"sync_period_s": 0.5},
        "web": {"host": "127.0.0.1", "port": 0},
        "kubernetes": {"kubeconfig": str(kubeconfig), "namespaces": [objects.namespace]},
    }
    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump(settings))
    with (folder / "log").open("ab") as log:
        words = ("-m", "autoscaler", "run", "--config", str(file))
        process = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=log, stderr=log)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
