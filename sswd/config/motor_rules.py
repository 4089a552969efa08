"""What values of one motor's table go together; pure. Part of rules.py."""

import math
import re
from collections.abc import Iterator

from sswd.config.keys import MotorConfig
from sswd.config.names import Problem, pv_name
from sswd.config.pv_rules import UNITS_BYTES

NAME_CHARACTERS = 50
"""Of a motor's name: its commands cross the pipe as NAME.FIELD, in 64."""
_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def name(text: str) -> Iterator[Problem]:
    """What is wrong with a motor's name."""
    if len(text) > NAME_CHARACTERS:
        yield "", f"longer than {NAME_CHARACTERS} characters"
    yield from pv_name(text)


def motor(config: MotorConfig) -> Iterator[Problem]:
    """What is wrong within one motor's table."""
    if config.object and not _PATH.fullmatch(config.object):
        yield "object", f"{config.object!r} is no attribute, such as stage or axes.x"
    if len(config.units.encode()) > UNITS_BYTES:
        yield "units", f"longer than the {UNITS_BYTES} bytes that .EGU holds"
    if not math.isfinite(config.offset):
        yield "offset", f"{config.offset} is no position"
    if config.limits is not None:
        low, high = config.limits
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            yield "limits", f"[{low:g}, {high:g}] does not rise; leave it out for none"
    if config.max_velocity is not None and config.max_velocity < config.velocity:
        text = f"{config.max_velocity:g} is below velocity = {config.velocity:g}"
        yield "max_velocity", text
