"""What the settings of the service say of time zone and holidays, in the words of objects, which may say otherwise."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import msgspec

from autoscaler.api.overrides import Exclusion
from autoscaler.api.schedule_rules import exclusion_faults
from autoscaler.api.times import zone_fault
from autoscaler.errors import InvalidSettings
from autoscaler.settings import ForecastSettings, HolidaySettings


def check(settings: ForecastSettings) -> None:
    """Raise InvalidSettings that names every zone, country, part of one and day that there is not."""
    faults = [*_faults(settings)]
    if faults:
        raise InvalidSettings("the settings cannot be used:\n  " + "\n  ".join(faults))


@lru_cache(maxsize=64)
def days_of(holidays: Sequence[HolidaySettings]) -> tuple[Exclusion, ...]:
    """Return holidays as objects tell them."""
    return tuple(msgspec.convert(_given(one), Exclusion) for one in holidays)


def _faults(settings: ForecastSettings) -> Iterator[str]:
    if (fault := zone_fault(settings.time_zone)) is not None:
        yield f"forecast.time_zone: {fault}"
    for index, one in enumerate(settings.holidays):
        yield from (str(fault) for fault in exclusion_faults(_given(one), f"forecast.holidays[{index}]"))


def _given(one: HolidaySettings) -> dict[str, object]:
    return {name: value for name, value in msgspec.to_builtins(one).items() if value}
