"""Types of numbers that several keys share, with their bounds."""

from typing import Annotated

from msgspec import Meta

# A year is longer than any run; infinity would upset the timers.
Seconds = Annotated[float, Meta(gt=0, le=31_536_000)]

Count = Annotated[int, Meta(ge=1)]
Bytes = Annotated[int, Meta(ge=0)]
