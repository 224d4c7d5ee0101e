"""Words that all of forecasting shares."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class NotEnoughHistory(Exception):
    """The series is too short or too full of gaps for anything to be learnt from it."""
