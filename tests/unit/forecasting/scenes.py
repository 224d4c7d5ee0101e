"""Load for tests of forecasts: days with a morning ramp, a plateau and an evening peak, noisy as counts of requests are."""

import numpy as np

from autoscaler.model import Floats

STEP_S = 5.0
DAY_S = 240.0


def true_rate(times_s: Floats, day_s: float = DAY_S) -> Floats:
    """Requests per second that are meant, between about 2 and 11."""
    phase = (times_s / day_s) % 1.0
    plateau = 5 / (1 + np.exp(-40 * (phase - 0.3))) - 5 / (1 + np.exp(-40 * (phase - 0.85)))
    return 2 + plateau + 3.5 * np.exp(-(((phase - 0.7) / 0.06) ** 2))


def busy_days(days: float, *, day_s: float = DAY_S, step_s: float = STEP_S, seed: int = 0) -> Floats:
    """Requests per second that are counted in each step: Poisson."""
    times_s = np.arange(round(days * day_s / step_s)) * step_s
    return np.random.default_rng(seed).poisson(true_rate(times_s, day_s) * step_s) / step_s


def flat_noise(points: int = 600, *, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).poisson(20.0, size=points).astype(np.float64)
