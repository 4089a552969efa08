"""Puts as lines of the audit log; fewer where a client puts in bursts. Pure.

The keys are those of EPICS's caPutLog in JSON (date, time, host, user, pv, new, old,
new-size, old-size, min, max); address, command, fate, took, error and count are ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec

from sswd.ioc.ca import PutNote
from sswd.json_values import for_json

MAX_BURSTS = 1000
"""So many are remembered at most: clients choose neither our memory nor our disk."""

Key = tuple[str, str, str, str, str]


@dataclass(slots=True)
class Merged:
    """Puts of one client to one PV that ended alike, the newest of them."""

    note: PutNote
    count: int = 1
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        """The range begins with the only value."""
        self.low = self.high = _number(self.note.new)

    def add(self, note: PutNote) -> None:
        """One more put; the value before the first one stays."""
        note.old, note.old_size = self.note.old, self.note.old_size
        self.note = note
        self.count += 1
        number = _number(note.new)
        if number is None or self.low is None or self.high is None:
            self.low = self.high = None
        else:
            self.low, self.high = min(self.low, number), max(self.high, number)


@dataclass(slots=True)
class _Burst:
    """What came after a put that was written at `began_s`."""

    began_s: float
    rest: Merged | None = None


class BurstFilter:
    """The first put of a burst at once, and one for the rest every `burst_s`."""

    def __init__(self, burst_s: float) -> None:
        self._burst_s = burst_s
        self._bursts: dict[Key, _Burst] = {}

    def take(self, note: PutNote, now_s: float) -> list[Merged]:
        """What is to be written now, in order."""
        due = self.due(now_s)
        if not self._burst_s:
            return [Merged(note)]
        key = (note.pv, note.address, note.host, note.user, note.fate)
        burst = self._bursts.get(key)
        if burst is None:
            if len(self._bursts) >= MAX_BURSTS:
                due += self.flush()
            self._bursts[key] = _Burst(now_s)
            return [*due, Merged(note)]
        if burst.rest is None:
            burst.rest = Merged(note)
        else:
            burst.rest.add(note)
        return due

    def due(self, now_s: float) -> list[Merged]:
        """What is to be written of bursts that have lasted `burst_s`."""
        found = []
        for key, burst in list(self._bursts.items()):
            if now_s - burst.began_s < self._burst_s:
                break  # the others began later
            del self._bursts[key]
            if burst.rest is not None:
                found.append(burst.rest)
                self._bursts[key] = _Burst(now_s)  # at the end: the newest
        return found

    def wait_s(self, now_s: float) -> float | None:
        """How long until something is due; None: nothing will be."""
        oldest = next(iter(self._bursts.values()), None)
        if oldest is None:
            return None
        return max(0.0, oldest.began_s + self._burst_s - now_s)

    def flush(self) -> list[Merged]:
        """All that waits; the bursts are forgotten."""
        rests = [burst.rest for burst in self._bursts.values()]
        self._bursts.clear()
        return [rest for rest in rests if rest is not None]


def line_of(merged: Merged) -> str:
    """One JSON object without a line feed."""
    return msgspec.json.encode(dict(_items(merged))).decode()


def _items(merged: Merged) -> Iterator[tuple[str, object]]:
    note = merged.note
    moment = datetime.fromtimestamp(note.at_s).astimezone()
    yield "date", moment.date().isoformat()
    yield "time", moment.time().isoformat(timespec="milliseconds")
    yield "host", for_json(note.host)
    yield "user", for_json(note.user)
    yield "pv", for_json(note.pv)
    yield "new", for_json(note.new)
    if note.new_size is not None:
        yield "new-size", note.new_size
    yield "old", for_json(note.old)
    if note.old_size is not None:
        yield "old-size", note.old_size
    if merged.count > 1 and merged.low is not None:
        yield "min", for_json(merged.low)
        yield "max", for_json(merged.high)
    if merged.count > 1:
        yield "count", merged.count
    yield "address", note.address
    if note.command is not None:
        yield "command", note.command
    yield "fate", note.fate
    if note.words:
        yield "error", for_json(note.words)
    yield "took", round(note.took_s, 6)


def _number(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:  # an int of 400 digits, by the control socket
        return None
