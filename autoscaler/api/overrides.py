"""What a user may say beside load: schedules, bursts, what to do without metrics, pauses, and what is left behind.

None of it has a counterpart in HorizontalPodAutoscaler v2; names follow KEDA where it has the same thing.
"""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from autoscaler.api.base import NotNegative, Object, Positive, Text


class Pause(Object, frozen=True, kw_only=True):
    """What is not to be done for now; decisions go on and are reported."""

    all: bool = False  # neither direction
    scale_in: bool = False  # pods are not removed
    scale_out: bool = False  # pods are not added
    replicas: NotNegative | None = None  # this many, whatever is decided; not together with scaleIn or scaleOut


class FallbackBehavior(StrEnum):
    """What replicas become while no metric can be used."""

    STATIC = "Static"  # `replicas`
    CURRENT = "Current"  # what they are
    CURRENT_IF_HIGHER = "CurrentIfHigher"  # the larger of what they are and `replicas`
    CURRENT_IF_LOWER = "CurrentIfLower"  # the smaller of both


class Fallback(Object, frozen=True, kw_only=True):
    """What is done when metrics fail for long; before that, and without this, replicas are held."""

    behavior: FallbackBehavior = FallbackBehavior.CURRENT_IF_HIGHER
    replicas: Positive | None = None  # required unless behavior is Current
    after_seconds: NotNegative = 180  # of no decision by metrics


class Exclusion(Object, frozen=True, kw_only=True):
    """Days on which a schedule does not hold; exactly one of `country`, `calendar` and `dates` is given."""

    country: Text | None = None  # ISO 3166-1 code: its public holidays
    subdivision: Text | None = None  # of the country, such as BY or CA
    calendar: Text | None = None  # name of a calendar file of the service
    dates: tuple[Text, ...] = ()  # YYYY-MM-DD


class Schedule(Object, frozen=True, kw_only=True):
    """Bounds or a count that hold at certain times: a cron line with a length or an end, or dates, or both."""

    name: Text
    cron: Text | None = None  # when it begins: five fields
    until: Text | None = None  # cron line of its end …
    duration_seconds: Positive | None = None  # … or how long it lasts; one of both with `cron`
    from_: Text | None = msgspec.field(name="from", default=None)  # local date and time; not before it
    to: Text | None = None  # not after it
    time_zone: Text = "UTC"  # of all of these, an IANA name
    min: NotNegative | None = None
    max: Positive | None = None
    replicas: NotNegative | None = None  # both bounds at once
    padding_percent: Annotated[int, Meta(ge=1, le=1000)] | None = None  # on top of what load and forecast ask for
    early_seconds: NotNegative = 0  # begin so long before
    late_seconds: NotNegative = 0  # end so long after
    exclude: tuple[Exclusion, ...] = ()


class Burst(Object, frozen=True, kw_only=True):
    """A short window for a sudden rise, and no scale-in while it lasts (the panic mode of Knative)."""

    threshold_percent: Annotated[int, Meta(ge=110, le=1000)] = 200  # of the target, over the short window
    window_seconds: Annotated[int, Meta(ge=5, le=300)] = 30  # of the rates that are looked at
    hold_seconds: Annotated[int, Meta(ge=1, le=3600)] = 60  # without the threshold passed, and it is over


class OnDelete(StrEnum):
    """What becomes of the target's replicas when the object is deleted."""

    KEEP = "Keep"
    RESTORE = "Restore"  # what they were before the object first changed them
