"""Whole numbers of 32 and 64 bits, as the HPA has them, and what becomes of a number that does not fit.

The HPA lets them overflow: with enough load a count turns into the smallest one, and pods are removed (Go on amd64; on arm64
conversions saturate). Here what does not fit is the largest number there is, unless `overflows` asks for the HPA's way.
Division is Go's: floats give infinity and NaN where Python raises, whole numbers are truncated towards zero.
"""

import math
from dataclasses import dataclass

from autoscaler.api.quantity import parse_milli
from autoscaler.api.quantity_as_go import parse_milli_as_go

INT32_MAX, INT64_MAX = 2**31 - 1, 2**63 - 1


@dataclass(frozen=True, slots=True)
class Numbers:
    """Ways to bring a number into 32 or 64 bits."""

    overflows: bool = False

    def milli(self, quantity: str | float) -> int:
        """Return a quantity in milli-units, in 64 bits."""
        return parse_milli_as_go(quantity) if self.overflows else parse_milli(quantity)

    def fit32(self, number: int) -> int:
        """Return the outcome of whole-number arithmetic in 32 bits."""
        return self._fit(number, INT32_MAX)

    def fit64(self, number: int) -> int:
        """Return the outcome of whole-number arithmetic in 64 bits."""
        return self._fit(number, INT64_MAX)

    def whole32(self, number: float) -> int:
        """Return a float as a whole number of 32 bits."""
        return self._whole(number, INT32_MAX)

    def whole64(self, number: float) -> int:
        """Return a float as a whole number of 64 bits."""
        return self._whole(number, INT64_MAX)

    def _fit(self, number: int, most: int) -> int:
        least = -most - 1
        if least <= number <= most:
            return number
        if self.overflows:
            return (number - least) % (2 * (most + 1)) + least
        return most if number > 0 else least

    def _whole(self, number: float, most: int) -> int:
        if math.isfinite(number) and -most - 1 <= (truncated := int(number)) <= most:
            return truncated
        if self.overflows or math.isnan(number):
            return -most - 1
        return most if number > 0 else -most - 1


def divided(dividend: float, divisor: float) -> float:
    """Return a quotient of floats as IEEE 754 has it: by zero it is infinite, or NaN for zero by zero."""
    if divisor != 0:
        return dividend / divisor
    return math.nan if dividend == 0 or math.isnan(dividend) else math.copysign(math.inf, dividend)


def truncated(dividend: int, divisor: int) -> int:
    """Return a quotient of whole numbers without its fraction, whatever the signs."""
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


def ceiling(number: float) -> float:
    """Return the smallest whole number that is not smaller, as a float; infinity and NaN stay what they are."""
    return float(math.ceil(number)) if math.isfinite(number) else number
