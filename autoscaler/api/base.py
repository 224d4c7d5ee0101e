"""What the types of all our resources are made of."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

INT32_MAX = 2**31 - 1  # replicas and seconds are int32 in the API

Positive = Annotated[int, Meta(ge=1, le=INT32_MAX)]
NotNegative = Annotated[int, Meta(ge=0, le=INT32_MAX)]
Percent = Annotated[int, Meta(ge=1, le=100)]
Text = Annotated[str, Meta(min_length=1)]
Quantity = str | int | float  # as the user wrote it
Auto = Literal["auto"]


class Object(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Common to all: immutable, camelCase outside."""
