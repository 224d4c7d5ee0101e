"""Which countries and parts of countries have public holidays that are known.

The library of holidays costs some MiB and is loaded only when an object names a country.
"""

import difflib
from functools import lru_cache

_MOST_NAMED = 60  # of the parts of a country in a message


@lru_cache(maxsize=1024)
def country_fault(country: str) -> str | None:
    """Say what is wrong with the code of a country; None when its holidays are known."""
    known = _countries()
    if country in known:
        return None
    if country.upper() in known:
        return f"must be in capital letters: {country.upper()}"
    return "must be the ISO 3166-1 code of a country whose holidays are known, such as DE" + _near(country.upper(), known)


@lru_cache(maxsize=1024)
def subdivision_fault(country: str, subdivision: str) -> str | None:
    """Say what is wrong with the code of a part of a country that is known; None when its holidays are known."""
    known = _parts(country)
    if subdivision in known:
        return None
    if not known:
        return f"must not be set: no part of {country} has holidays of its own that are known"
    listed = ", ".join(known) if len(known) <= _MOST_NAMED else ""
    return f"must be the code of a part of {country}" + (f": {listed}" if listed else _near(subdivision, known))


@lru_cache(maxsize=1)
def _countries() -> tuple[str, ...]:
    """Return the codes of countries, without loading any of them."""
    from holidays.registry import EntityLoader  # noqa: PLC0415 - see above

    return tuple(sorted(EntityLoader.get_country_codes(include_aliases=True)))


def _parts(country: str) -> tuple[str, ...]:
    """Return the codes of the parts of a country that is known, and their other names."""
    import holidays  # noqa: PLC0415 - see above

    found = holidays.country_holidays(country)
    return (*found.subdivisions, *found.subdivisions_aliases)


def _near(text: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(text, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""
