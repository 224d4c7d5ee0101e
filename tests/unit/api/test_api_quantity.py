import pytest

from autoscaler.api.quantity import parse_float, parse_milli


@pytest.mark.parametrize(
    ("text", "milli"),
    [
        ("500m", 500),
        ("2", 2_000),
        (2, 2_000),
        (0.05, 50),
        (1e-05, 1),
        ("+1.5", 1_500),
        (".5", 500),
        ("1.", 1_000),
        ("0", 0),
        ("2e3", 2_000_000),
        ("5E3", 5_000_000),
        ("2k", 2_000_000),
        ("1Ki", 1_024_000),
        ("1.5Gi", 1_610_612_736_000),
        ("200Mi", 209_715_200_000),
        ("-3", -3_000),
    ],
)
def test_a_quantity_is_read_as_milli_units(text: str | float, milli: int) -> None:
    assert parse_milli(text) == milli


@pytest.mark.parametrize(("text", "milli"), [("0.1m", 1), ("100n", 1), ("1e-12", 1), ("1001u", 2), ("0.0001", 1)])
def test_what_is_finer_than_milli_is_rounded_up(text: str, milli: int) -> None:
    assert parse_milli(text) == milli


@pytest.mark.parametrize("text", ["16E", "10Ei", "1e900"])
def test_what_is_beyond_64_bits_is_capped(text: str) -> None:
    assert parse_milli(text) == 2**63 - 1


@pytest.mark.parametrize(
    "text", ["", " ", "abc", "1.2.3", "5e", "m", "1 ", "1K", "1ki", "1mm", "--1", "٣", "1\n", "9" * 65, "1e9999"]
)
def test_what_is_no_quantity_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be a quantity such as 500m"):
        parse_milli(text)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), True])
def test_numbers_that_json_does_not_have_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match="must be a quantity"):
        parse_milli(number)


@pytest.mark.parametrize(("text", "number"), [("0.1", 0.1), ("75m", 75 * 1e-3), ("0", 0.0), ("1", 1.0), ("0.300", 300 * 1e-3)])
def test_a_tolerance_is_the_float_that_kubernetes_makes_of_it(text: str, number: float) -> None:
    assert parse_float(text) == number
