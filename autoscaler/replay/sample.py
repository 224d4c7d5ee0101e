"""A load to try the replay with where there is none at hand. It is generated, and says so wherever it is shown.

Three weeks of requests to a shop, a sample a minute: days and weekends, a rush when offers are sent on working days at nine,
bursts at odd times that nobody can foresee, and a launch after which there is more of everything.
"""

import numpy as np

from autoscaler.model import Floats
from autoscaler.replay.recorded import Recorded

LABEL = "sample (generated, not measured)"
SEED = 7
START_S = 1_735_516_800.0  # Monday 2024-12-30, 00:00 UTC
_DAYS, _DAY = 21, 1440
_LAUNCH_DAY, _LAUNCH = 15.5, 0.35  # more, from the middle of the third Tuesday on
_BURSTS = 9
_RUSH_AT, _RUSH = 9 * 60, 1.6


def generated(seed: int = SEED) -> Recorded:
    """Return the sample; the same for the same seed."""
    random = np.random.default_rng(seed)
    minute = np.arange(_DAYS * _DAY, dtype=np.float64)
    hour, day = minute % _DAY / 60, minute // _DAY
    daily = 0.25 + 0.75 * np.exp(-0.5 * ((hour - 13.5) / 4.2) ** 2) + 0.25 * np.exp(-0.5 * ((hour - 20) / 1.6) ** 2)
    working = day % 7 < 5  # noqa: PLR2004 - Monday to Friday
    load = daily * np.where(working, 1.0, 0.6)
    load += np.where(working, _RUSH * _surge(minute % _DAY - _RUSH_AT, 2.0, 35.0), 0.0)
    for at, size in zip(random.integers(0, minute.size, _BURSTS), random.uniform(0.3, 1.0, _BURSTS), strict=True):
        load += size * _surge(minute - at, 3.0, 15.0)
    load *= 1 + _LAUNCH * np.clip((minute / _DAY - _LAUNCH_DAY) * 24, 0, 1)
    slow = np.interp(minute, minute[::120], random.normal(1, 0.04, minute[::120].size))
    values = 400 * load * slow * random.normal(1, 0.025, minute.size)
    return Recorded(
        LABEL,
        START_S,
        60.0,
        np.asarray(np.round(np.maximum(values, 0.0), 2), dtype=np.float64),
        ("the load is generated, not measured",),
    )


def _surge(after: Floats, rise: float, fall: float) -> Floats:
    """Return something that comes within minutes and goes slowly, 1 at its height; `after` is minutes since it began."""
    shape = np.clip(after / rise, 0, 1) * np.exp(-np.maximum(after - rise, 0) / fall)
    return np.asarray(np.where(after < 0, 0.0, shape))
