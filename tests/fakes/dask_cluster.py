"""A Dask cluster on loopback: a scheduler in this process, and workers in processes of their own."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def a_cluster(workers: int) -> Iterator[Any]:
    """Give a cluster; skip where Dask is not installed."""
    pytest.importorskip("distributed", reason="the extra `dask` is not installed")
    import dask  # noqa: PLC0415 - the extra may be missing
    from distributed import LocalCluster  # noqa: PLC0415 - likewise

    # Without pages; their ports are still opened, any that are free. A worker that dies is replaced.
    quiet = {"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}
    with dask.config.set(quiet), warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        with LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0"
        ) as cluster:
            yield cluster
