"""The real servers of metrics.k8s.io (metrics-server) and of the custom and external metrics APIs (a sample of their library).

Built from their Go modules into the cache, with the flags of the embedded cluster's own build, so that what both are made of is
compiled once. The sample serves what it is told by HTTP, so a test knows what an answer must be.
"""

import hashlib
import os
import subprocess
from pathlib import Path

from demo.cluster.cache import Cache, remove_tree
from demo.cluster.gobuild import fetch_go, find_go, go_environment
from demo.cluster.report import QuietReporter
from demo.cluster.work import Work

HERE = Path(__file__).parent
METRICS_SERVER = "metrics-server"
TEST_ADAPTER = "test-adapter"
_FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false", "-tags=remove_all_sd,enable_kubernetes_sd", "-ldflags=-s -w")


def built() -> Path:
    """Return the folder with both programs, built if need be (two to three minutes the first time)."""
    cache = Cache.locate()
    key = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in ("go.mod", "go.sum"))).hexdigest()[:16]
    folder = cache.root / "metrics-apis" / key
    if folder.exists():
        return folder
    cache.ensure()
    if folder.parent.exists():
        remove_tree(folder.parent)
    fresh = folder.with_suffix(".new")
    fresh.mkdir(parents=True)
    go = find_go() or fetch_go(Work(cache, QuietReporter()))
    env = {**os.environ, **go_environment(cache, go)}
    tools = subprocess.run([go, "list", "tool"], cwd=HERE, env=env, check=True, capture_output=True, text=True).stdout.split()
    made = subprocess.run(
        [go, "build", *_FLAGS, "-o", f"{fresh}/", *tools], cwd=HERE, env=env, check=False, capture_output=True, text=True
    )
    if made.returncode:
        raise RuntimeError(f"building the servers of the metrics APIs failed: {made.stderr[-4000:]}")
    fresh.rename(folder)
    return folder
