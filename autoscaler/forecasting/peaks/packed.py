"""Loads in two bytes each, on a logarithmic scale: 0 is a gap, 1 no load, the others are about 0.06 % apart.

From 1e-6 to 1e12, in the metric's own unit; what lies outside counts as the nearest of these. Equal loads come out equal, and
higher ones never lower, so that whether a load changed and which is the highest can be read off without unpacking.
"""

import numpy as np
from numpy.typing import NDArray

from autoscaler.model import Floats

Codes = NDArray[np.uint16]

LOWEST, HIGHEST = 1e-6, 1e12
GAP, ZERO, _FIRST = 0, 1, 2
_TOP = 65_535
_STEP = np.log(HIGHEST / LOWEST) / (_TOP - _FIRST)

_LOADS = np.concatenate([[np.nan, 0.0], LOWEST * np.exp(_STEP * np.arange(_TOP - _FIRST + 1))])
_LOADS.flags.writeable = False
_OR_ZERO = np.nan_to_num(_LOADS)
_OR_ZERO.flags.writeable = False


def pack(values: Floats) -> Codes:
    """Return loads packed; what is no load (NaN, infinite or negative) is a gap."""
    known = np.isfinite(values) & (values >= 0)
    inside = np.clip(np.where(known, values, 0.0), LOWEST, HIGHEST)
    codes = np.rint(np.log(inside / LOWEST) / _STEP) + _FIRST
    return np.where(known, np.where(values == 0, ZERO, codes), GAP).astype(np.uint16)


def unpack(codes: Codes) -> Floats:
    """Return the loads, NaN in gaps."""
    return np.asarray(_LOADS[codes])


def unpack_or_zero(codes: Codes) -> Floats:
    """Return the loads, 0 in gaps."""
    return np.asarray(_OR_ZERO[codes])


def held(codes: Codes, most: int) -> Codes:
    """Return codes, shape (n, points), with each gap bridged by the value before it, for its first `most` points.

    It looks at nothing that came later, so a gap that has only begun is bridged like the beginning of any other.
    """
    gaps = ~codes.all(axis=1)
    if not gaps.any():
        return codes
    bridged = codes.copy()
    some = bridged[gaps]
    for _ in range(most):
        some[:, 1:] = np.where(some[:, 1:] == GAP, some[:, :-1], some[:, 1:])
    bridged[gaps] = some
    return bridged
