"""Kubernetes quantities (`500m`, `1.5Gi`, `2e3`): text of the API to numbers.

The Horizontal Pod Autoscaler computes in whole milli-units, rounded up, so this does too. Sums and comparisons of
quantities, and writing them, are not needed here.
"""

import math
import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

_FORM = re.compile(r"([+-]?)([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?[0-9]{1,3}))?", re.ASCII)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_SMALLEST = -9  # a quantity has no digits below nano
_LARGEST = 2**63 - 1
_LONGEST = 64  # characters; more is no quantity that anybody means


class _Scaled(NamedTuple):
    """A number as `unscaled * 10 ** scale`, exact."""

    unscaled: int
    scale: int

    @property
    def exact(self) -> Fraction:
        return self.unscaled * Fraction(10) ** self.scale


@lru_cache(maxsize=4096, typed=True)  # a decision asks four times for the same target
def parse_milli(text: str | float) -> int:
    """Return a quantity in milli-units, rounded up to a whole one and capped at 2^63 - 1.

    Raises ValueError with a message that says what a quantity looks like. Source: apimachinery `pkg/api/resource`.
    """
    return milli(exact(text))


def exact(text: str | float) -> Fraction:
    """Return a quantity as it is, to be added to others; raises ValueError as `parse_milli` does."""
    return _parse(text).exact


def milli(number: Fraction) -> int:
    """Return a number in milli-units, as `parse_milli` does."""
    return max(-_LARGEST, min(_LARGEST, math.ceil(number * 1000)))


def parse_float(text: str | float) -> float:
    """Return a quantity as the float that Kubernetes makes of it (mantissa times a power of ten), such as a tolerance.

    Raises ValueError as `parse_milli` does.
    """
    number = _parse(text)
    return float(number.unscaled) if number.scale == 0 else float(number.unscaled) * float(f"1e{number.scale}")


class Parts(NamedTuple):
    """The parts of a quantity: `sign * whole.decimals`, times 10 or (when `binary`) 2 to the power of `exponent`."""

    sign: int
    whole: str  # digits, without leading zeros
    decimals: str  # digits
    exponent: int
    binary: bool


def parts_of(text: str | float) -> Parts:
    """Return what a quantity consists of; raises ValueError as `parse_milli` does."""
    if isinstance(text, bool) or (isinstance(text, float) and not math.isfinite(text)):
        raise ValueError(_complaint(text))
    found = _FORM.fullmatch(text) if len(text := str(text)) <= _LONGEST else None
    if found is None:
        raise ValueError(_complaint(text))
    sign, digits, suffix, written = found.groups()
    whole, _, decimals = digits.partition(".")
    exponent = _BINARY.get(suffix) or _DECIMAL.get(suffix) or int(written or 0)
    return Parts(-1 if sign == "-" else 1, whole.lstrip("0") or "0", decimals, exponent, suffix in _BINARY)


def _parse(text: str | float) -> _Scaled:
    parts = parts_of(text)
    unscaled, scale = parts.sign * int(parts.whole + parts.decimals), -len(parts.decimals)
    if parts.binary:
        unscaled <<= parts.exponent
    else:
        scale += parts.exponent
    if scale < _SMALLEST:  # rounded away from zero: who asks for little gets some
        dropped = Fraction(unscaled, 10 ** (_SMALLEST - scale))
        return _Scaled(math.ceil(dropped) if dropped > 0 else math.floor(dropped), _SMALLEST)
    return _Scaled(unscaled, scale)


def _complaint(text: object) -> str:
    return f"must be a quantity such as 500m, 2, 1.5Gi or 2e3, not {text!r}"
