"""Jobs of tests that other processes find by their name, and the rows that they learn from."""

import os
import time
from pathlib import Path

import numpy as np

from autoscaler.forecasting.peaks.model import Rows


def rows(seed: int, count: int = 2000) -> Rows:
    """Moments of a load that rises with the first of five features."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(count, 5)).astype(np.float32)
    return Rows(features, np.maximum(features[:, 0] + random.normal(0, 0.2, count), 0.0))


def about_this_process() -> tuple[int, int, str | None]:
    """Return its id, its priority and how many threads numpy's libraries may use."""
    return os.getpid(), os.nice(0), os.environ.get("OMP_NUM_THREADS")


def die_once(file: str) -> int:
    """Write this process's id into a file and end without a word; where the file is there, return the id instead."""
    path = Path(file)
    if path.exists():
        return os.getpid()
    path.write_text(str(os.getpid()))
    os._exit(9)


def wait_for(begun: str, file: str) -> int:
    """Say in a file that this process has begun, and wait until there is another one; return this process's id."""
    with Path(begun).open("a") as stream:
        stream.write(f"{os.getpid()}\n")
    deadline_s = time.monotonic() + 60
    while not Path(file).exists():
        if time.monotonic() > deadline_s:
            raise TimeoutError(file)
        time.sleep(0.01)
    return os.getpid()


def run_out_of_memory() -> None:
    """Fail as numpy does where it gets no memory."""
    raise MemoryError
