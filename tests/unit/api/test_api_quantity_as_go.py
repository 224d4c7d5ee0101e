"""Quantities as Kubernetes' Go code reads them, overflows included; the expected numbers are what that code returns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.api.quantity import parse_milli
from autoscaler.api.quantity_as_go import parse_milli_as_go


@pytest.mark.parametrize(
    ("text", "milli"),
    [
        ("1500m", 1500),
        ("1.5", 1500),
        ("1Ki", 1_024_000),
        ("1500u", 2),
        ("-1500u", -2),  # away from zero
        ("-1500n", -1),
        ("0.0000000001", 1),
        ("9e15", 9 * 10**18),
        ("10P", 0),  # digit by digit, and nothing is left
        ("1e16", 0),
        ("10000000000000000", -8446744073709551616),  # by a thousand at once, and what overflows is kept
        ("9300000000M", 9300000000 * 10**9 - 2**64),
        ("20Ei", -1000),  # the largest of 64 bits, times a thousand
    ],
)
def test_a_quantity_is_what_go_makes_of_it(text: str, milli: int) -> None:
    assert parse_milli_as_go(text) == milli


@given(st.integers(0, 9 * 10**15), st.sampled_from(["", "m", "u", "n"]))
def test_what_fits_is_read_as_ever(number: int, suffix: str) -> None:
    assert parse_milli_as_go(f"{number}{suffix}") == parse_milli(f"{number}{suffix}")
