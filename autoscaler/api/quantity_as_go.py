"""Quantities in milli-units exactly as Kubernetes' Go code computes them, with its overflows: `10P` is 0 milli-units.

Only for decisions that are to be the HPA's also where it is wrong (setting `scaling.exact_hpa`); all else has `quantity`.
Source: apimachinery `pkg/api/resource` (Kubernetes 1.36): numbers of up to 18 digits are kept in 64 bits, others not.
"""

from typing import NamedTuple

from autoscaler.api.quantity import Parts, parts_of

_INT64 = 2**64
_MAX = 2**63 - 1
_DIGITS = 18  # that surely fit into 64 bits
_NANO, _MILLI = 9, 3
_ONE_STEP = (0, 1, 2, 3, 6, 9)  # powers of ten by which the code multiplies at once, and keeps what has overflowed


class _Amount(NamedTuple):
    """A number as `unscaled * 10 ** -decimals`."""

    unscaled: int
    decimals: int


def parse_milli_as_go(text: str | float) -> int:
    """Return a quantity in milli-units; raises ValueError as `quantity.parse_milli` does."""
    parts = parts_of(text)
    short = _kept_in_64_bits(parts)
    return _of_long(parts) if short is None else _of_short(short)


def _kept_in_64_bits(parts: Parts) -> _Amount | None:
    digits = len(parts.whole) + len(parts.decimals)
    value = int(parts.whole + parts.decimals) * parts.sign
    if parts.binary:
        fits = not parts.decimals and 15 - digits - int(parts.exponent * 3 / 10) - 1 >= 0
        return _Amount(value << parts.exponent, 0) if fits and abs(value) << parts.exponent <= _MAX else None
    decimals = len(parts.decimals) - parts.exponent
    return _Amount(value, decimals) if digits <= _DIGITS and decimals <= _NANO else None


def _of_short(amount: _Amount) -> int:
    if amount.decimals > _MILLI:  # rounded away from zero
        divisor: int = 10 ** (amount.decimals - _MILLI)
        return -(-abs(amount.unscaled) // divisor) * (1 if amount.unscaled > 0 else -1)
    milli: int = amount.unscaled * 10 ** (_MILLI - amount.decimals)
    if abs(milli) <= _MAX:
        return milli
    return _wrapped(milli) if _MILLI - amount.decimals in _ONE_STEP else 0


def _of_long(parts: Parts) -> int:
    unscaled: int = int(parts.whole + parts.decimals) << (parts.exponent if parts.binary else 0)
    decimals = len(parts.decimals) - (0 if parts.binary else parts.exponent)
    nano: int = -(-unscaled * 10 ** max(0, _NANO - decimals) // 10 ** max(0, decimals - _NANO))
    if parts.binary and nano > _MAX * 10**_NANO:
        return _wrapped(_wrapped(parts.sign * _MAX) * 1000)
    divisor: int = 10 ** (_NANO - _MILLI)
    nano *= parts.sign
    if nano < _MAX:
        nano = _wrapped(nano)
        whole = abs(nano) // divisor * (1 if nano > 0 else -1)
        return whole + 1 if nano % divisor else whole
    return _wrapped(-(-nano // divisor))


def _wrapped(number: int) -> int:
    return (number + _INT64 // 2) % _INT64 - _INT64 // 2
