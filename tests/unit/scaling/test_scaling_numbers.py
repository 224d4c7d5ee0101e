"""Numbers that do not fit into 32 or 64 bits: the largest there is, or what Go makes of them on amd64."""

import math

import pytest

from autoscaler.scaling.numbers import INT32_MAX, INT64_MAX, Numbers, ceiling, divided, truncated

SATURATING, OVERFLOWING = Numbers(), Numbers(overflows=True)
LEAST_32, LEAST_64 = -(2**31), -(2**63)


@pytest.mark.parametrize(
    ("number", "saturated", "as_go"),
    [
        (2147483647.5, INT32_MAX, INT32_MAX),
        (-2147483648.9, LEAST_32, LEAST_32),
        (2147483648.0, INT32_MAX, LEAST_32),
        (3e9, INT32_MAX, LEAST_32),
        (-3e9, LEAST_32, LEAST_32),
        (math.inf, INT32_MAX, LEAST_32),
        (-math.inf, LEAST_32, LEAST_32),
        (-0.9, 0, 0),
        (1.9, 1, 1),
    ],
)
def test_a_float_becomes_a_whole_number_of_32_bits(number: float, saturated: int, as_go: int) -> None:
    assert SATURATING.whole32(number) == saturated
    assert OVERFLOWING.whole32(number) == as_go


def test_what_is_no_number_is_the_smallest_one_so_that_it_never_adds_pods() -> None:
    assert SATURATING.whole32(math.nan) == OVERFLOWING.whole32(math.nan) == LEAST_32
    assert OVERFLOWING.whole64(math.nan) == OVERFLOWING.whole64(math.inf) == LEAST_64


@pytest.mark.parametrize(
    ("number", "as_go"),
    [(INT64_MAX, INT64_MAX), (INT64_MAX + 1, LEAST_64), (LEAST_64 - 1, INT64_MAX), (2**64 + 7, 7), (-5, -5)],
)
def test_whole_numbers_wrap_around(number: int, as_go: int) -> None:
    assert OVERFLOWING.fit64(number) == as_go
    assert SATURATING.fit64(number) == max(LEAST_64, min(INT64_MAX, number))


def test_whole_division_goes_towards_zero() -> None:
    assert [truncated(*pair) for pair in ((7, 2), (-7, 2), (7, -2), (-7, -2), (0, 5))] == [3, -3, -3, 3, 0]


def test_division_by_zero_is_what_floats_have_for_it() -> None:
    assert divided(1, 0) == math.inf
    assert divided(-1, 0) == -math.inf
    assert math.isnan(divided(0, 0))
    assert divided(3, 2) == 1.5


def test_infinity_has_no_ceiling() -> None:
    assert ceiling(math.inf) == math.inf
    assert math.isnan(ceiling(math.nan))
    assert (ceiling(1.2), ceiling(-1.2)) == (2.0, -1.0)
