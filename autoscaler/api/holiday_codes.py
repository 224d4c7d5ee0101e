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
    known = _countries().get(country, ())
    if subdivision in known:
        return None
    if not known:
        return f"must not be set: no part of {country} has holidays of its own that are known"
    listed = ", ".join(known) if len(known) <= _MOST_NAMED else ""
    return f"must be the code of a part of {country}" + (f": {listed}" if listed else _near(subdivision, known))


@lru_cache(maxsize=1)
def _countries() -> dict[str, tuple[str, ...]]:
    """Return the codes of countries with those of their parts."""
    import holidays  # noqa: PLC0415 - see above

    return {code: tuple(parts) for code, parts in holidays.list_supported_countries(include_aliases=True).items()}


def _near(text: str, known: object) -> str:
    near = difflib.get_close_matches(text, known, n=1) if isinstance(known, dict | tuple) else []
    return f"; did you mean {near[0]}?" if near else ""
