"""What a worker of a Dask cluster does for the service: one job, if it is of the same version as the service.

Apart from `dask_workers`, so that a worker imports next to nothing before it knows that.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from autoscaler import __version__

# Another scikit-learn gives models that this one cannot use, another Foresail other models, another Python other pickles.
Versions = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a job gave back; its error is no error of Dask's, which would try the job again elsewhere."""

    value: Any = None
    error: Exception | None = None
    other: Versions | None = None  # the versions of a worker that did nothing, as they are not the service's


def versions() -> Versions:
    """Return the versions on which both sides must agree."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return ("Foresail", __version__), ("Python", python), *((name, version(name)) for name in ("scikit-learn", "numpy"))


def answered(wanted: Versions, job: Callable[..., Any], args: tuple[Any, ...]) -> Answer:
    """Do a job."""
    if versions() != wanted:
        return Answer(other=versions())
    try:
        return Answer(job(*args))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the service's
        return Answer(error=error)
