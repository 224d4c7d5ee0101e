"""What converting is made of: notes about what was not carried over, and refusals; and JSON that may be anything.

A note names the field as the user wrote it, says what becomes of it, and what to do where that is not what is wanted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autoscaler.errors import Permanent

Json = Mapping[str, Any]
Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Note:
    """Something of an object that is not carried over as it is; `field` is empty for the object as a whole."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class Refusal(Permanent):
    """Why an object cannot be converted at all."""

    def __init__(self, *reasons: Note) -> None:
        """Keep every reason that is known."""
        super().__init__("; ".join(map(str, reasons)))
        self.reasons = reasons
