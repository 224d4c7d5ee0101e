"""Kubernetes quantities such as ``250m`` and ``64Mi`` as numbers.

The notation is the one of k8s.io/apimachinery, package resource.
"""

from __future__ import annotations

import re

_SCALE = {
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "": 1.0,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
    "E": 1e18,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
    "Pi": 2.0**50,
    "Ei": 2.0**60,
}
_QUANTITY = re.compile(r"(?P<number>\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?P<rest>[eE][+-]?\d{1,2}|[A-Za-z]{0,2})", re.ASCII)


def quantity(text: str) -> float | None:
    """Return the number that ``text`` stands for, in base units; None if it is no quantity or is negative."""
    found = _QUANTITY.fullmatch(text)
    if found is None:
        return None
    number, rest = found["number"], found["rest"]
    if rest in _SCALE:
        return float(number) * _SCALE[rest]
    return float(number + rest) if rest[1:].strip("+-").isdecimal() else None
