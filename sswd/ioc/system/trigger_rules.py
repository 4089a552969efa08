"""What becomes of each value of a master's PV. Pure: no I/O, clock, logging.

Every trigger that names this system is counted once: SEEN = EXECUTED + FAILED + MISSED
+ those under way.
"""

from dataclasses import dataclass
from typing import Literal

from sswd.sequence import TriggerError, TriggerKeyError, index_from
from sswd.sizes import COUNTER_MODULUS

Value = bytes | str | float


@dataclass(frozen=True, slots=True)
class Put:
    """What is to be put to the system: a count, or the whole text."""

    value: int | str
    index: int
    """The count, in any case."""


class TriggerRules:
    """The triggers of one system."""

    def __init__(
        self,
        key: str,
        busy: Literal["missed", "queue"],
        *,
        at_connect: bool = False,
        whole: bool = False,
    ) -> None:
        self._key = key
        self._busy = busy
        self._at_connect = at_connect
        self._whole = whole
        self._last: Value | None = None
        self.seen = self.executed = self.failed = self.missed = 0
        self.index = -1
        """The count of the last trigger, -1 before any."""
        self.text = ""
        """The last value that named this system."""
        self.error = ""
        """Why the last one that was missed or failed was."""

    def found(self, value: Value, obstacle: str | None) -> Put | None:
        """The value that was there when the PV connected.

        Without `at_connect` it is no trigger. If it has changed since the connection
        was lost, at least one trigger is missed.
        """
        before, self._last = self._last, value
        if self._at_connect:
            return self._triggered(value, obstacle)
        if before is not None and before != value:
            words = "came while the master's PV was not connected; perhaps others, too"
            self._triggered(value, words, is_hopeless=True)
        return None

    def changed(self, value: Value, obstacle: str | None) -> Put | None:
        """A new value; what to put to the system, None: nothing.

        `obstacle`: words about what keeps the system from beginning now.
        """
        self._last = value
        return self._triggered(value, obstacle)

    def ended(self, put: Put, failure: str | None, *, ran: bool) -> None:
        """A put has ended; `ran`: it was not refused before it began."""
        if failure is None:
            self.executed = (self.executed + 1) % COUNTER_MODULUS
        elif ran:
            self.failed = (self.failed + 1) % COUNTER_MODULUS
            self.error = f"{put.index}: {failure}"
        else:
            self._count_missed(str(put.index), failure)

    def _triggered(
        self, value: Value, obstacle: str | None, *, is_hopeless: bool = False
    ) -> Put | None:
        text = _text(value)
        if not text:
            return None  # a master that has nothing to say
        try:
            index = index_from(value, self._key)
        except TriggerKeyError:
            return None  # for other servers
        except TriggerError as ex:
            self.seen = (self.seen + 1) % COUNTER_MODULUS
            self._count_missed("a trigger", str(ex))
            return None
        self.seen = (self.seen + 1) % COUNTER_MODULUS
        self.index, self.text = index, text
        if obstacle is not None and (is_hopeless or self._busy == "missed"):
            self._count_missed(str(index), obstacle)
            return None
        return Put(text if self._whole else index, index)

    def _count_missed(self, what: str, why: str) -> None:
        self.missed = (self.missed + 1) % COUNTER_MODULUS
        self.error = f"{what} missed: {why}"


def _text(value: Value) -> str:
    """The value for people."""
    if isinstance(value, bytes):
        value = value.partition(b"\0")[0].decode("latin-1")
    return str(value).strip()
