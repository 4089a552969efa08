"""Systems and their PVs, as the formats need them. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from sswd.config.keys import PvConfig

_SIZE = re.compile(r"^(\w+)\[(\d+)\]$")
HEALTH = ("WORKER:STATE", "WORKER:LINK", "WORKER:STALLED", "BUSY", "QUEUE_LEN")
"""What tells at a glance how a system is."""


@dataclass(frozen=True)
class Pv:
    """One PV. `type` is that of the configuration, without the size of an array."""

    name: str
    """The whole name."""
    short: str
    """The name after the prefix of its system."""
    type: str
    size: int
    """Elements, or bytes of a text; 1 for a scalar."""
    units: str
    is_writable: bool
    description: str
    states: tuple[str, ...] = ()
    keys: PvConfig | None = None
    """As configured; None for a PV of the template."""

    @property
    def is_array(self) -> bool:
        return self.size > 1 and self.type != "text"

    @property
    def shape(self) -> tuple[int, int] | None:
        """(height, width) of an image."""
        return self.keys.shape if self.keys else None

    @property
    def has_limits(self) -> bool:
        """Whether its value can be in alarm by itself."""
        keys = self.keys
        if keys is None:
            return False
        limits = (keys.hihi, keys.high, keys.low, keys.lolo)
        return any(limit is not None for limit in limits) or bool(keys.state_severity)


@dataclass(frozen=True)
class Unit:
    """One system."""

    name: str
    prefix: str
    pvs: tuple[Pv, ...]
    motors: tuple[str, ...] = field(default=())
    """Short names of its motor records."""

    @property
    def own(self) -> list[Pv]:
        """Its declared PVs, motors left out."""
        return [
            pv for pv in self.pvs if pv.keys is not None and pv.short not in self.motors
        ]

    def pv(self, short: str) -> Pv:
        """By its name after the prefix. Raises KeyError."""
        for pv in self.pvs:
            if pv.short == short:
                return pv
        raise KeyError(short)


def size_of(type_: str) -> tuple[str, int]:
    """("float", 10) of "float[10]", ("int", 1) of "int"."""
    match = _SIZE.match(type_)
    return (match[1], int(match[2])) if match else (type_, 1)


def by_prefix(prefixes: Sequence[str], name: str) -> str | None:
    """The longest prefix that a name starts with; None: it has none of them."""
    fitting = [prefix for prefix in prefixes if name.startswith(prefix)]
    return max(fitting, key=len, default=None)
