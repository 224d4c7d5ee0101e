"""The service as a process of its own beside the cluster, for one namespace, without Prometheus: it can be killed."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from demo.cluster import Cluster
from demo.cluster.config import PAUSE_IMAGE
from tests.contract.support import Objects

Json = dict[str, Any]


def a_deployment(name: str, replicas: int) -> Json:
    """Return a Deployment of pods that do nothing and end at once."""
    labels = {"app": name}
    pod = {"containers": [{"name": "app", "image": PAUSE_IMAGE, "imagePullPolicy": "Never"}]}
    template = {"metadata": {"labels": labels}, "spec": {**pod, "terminationGracePeriodSeconds": 0}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": name}, "spec": spec}


@asynccontextmanager
async def a_service(cluster: Cluster, objects: Objects, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the service for the namespace alone, and kill it at the end if it still runs."""
    settings = {
        "prometheus": {"url": "http://127.0.0.1:1"},
        "leader_election": {"enabled": False},
        "scaling": {"sync_period_s": 0.5},
        "web": {"host": "127.0.0.1", "port": 0},
        "kubernetes": {"kubeconfig": str(cluster.kubeconfig), "namespaces": [objects.namespace]},
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
