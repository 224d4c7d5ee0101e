"""The one error tree of the service: what a loop does next depends on the branch, not on the library that failed.

Only `clients/` sees foreign exceptions and maps them to these. NotFound, Conflict and NoData are return values, not errors.
"""

from dataclasses import dataclass


class ForesailError(Exception):
    """Anything that the service raises on purpose."""


class Permanent(ForesailError):
    """Trying again without a change from outside is pointless (bad object, no permission, bad setting)."""


class Temporary(ForesailError):
    """Trying again later may help (time-out, 429, 5xx, connection refused)."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        """Keep what the other side asked for; `retry_after_s` is None when it said nothing."""
        super().__init__(message)
        self.retry_after_s = retry_after_s


class InvalidSettings(Permanent):
    """The service's own settings are wrong; the start stops here."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field of an object: the path as the user wrote it (`spec.maxReplicas`) and what is wrong with it."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class InvalidObject(Permanent):
    """A resource of ours (or one it names) that cannot be used as written; names every wrong field."""

    def __init__(self, what: str, errors: tuple[FieldError, ...]) -> None:
        """`what` names the object, such as `PredictiveAutoscaler default/shop`."""
        super().__init__(f"{what}: " + "; ".join(map(str, errors)))
        self.what = what
        self.errors = errors
