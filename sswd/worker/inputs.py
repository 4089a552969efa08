"""The inputs of a system: PVs of others, whose newest values the IOC sends.

Threading model: `take` is the control thread's, `changed` the main thread's; the
mapping may be read from any thread.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence

from sswd.alarm import Severity, Status
from sswd.pipe.protocol import Input
from sswd.worker.reading import Reading

_NOT_YET = Reading(None, Severity.INVALID, Status.LINK, "not connected yet")


class Inputs(Mapping[str, Reading]):
    """Readings by the names of `[system.NAME.inputs]`."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._readings = dict.fromkeys(names, _NOT_YET)
        self._changed: dict[str, None] = {}
        self._taken: list[str] = []
        self.wakes: int | None = None
        """Readable once an input has changed; the idle main thread polls it. None where
        there are no inputs."""
        if names:
            self.wakes = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def close(self) -> None:
        """Close the descriptor; a worker's process ends instead."""
        if self.wakes is not None:
            os.close(self.wakes)

    def __getitem__(self, name: str) -> Reading:
        """The newest reading. Raises KeyError, whose words list the names."""
        try:
            return self._readings[name]
        except KeyError:
            known = ", ".join(self._readings) or "none"
            raise KeyError(f"{name}: the inputs of this system are {known}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._readings)

    def __len__(self) -> int:
        return len(self._readings)

    def take(self, message: Input) -> None:
        """The newest value of an input has come."""
        alarm = message.alarm
        self._readings[message.name] = Reading(
            message.value,
            Severity(alarm.severity),
            Status(alarm.status),
            alarm.message,
            message.stamp_s or None,
        )
        self._changed[message.name] = None
        self._taken.append(message.name)
        if self.wakes is not None:
            os.eventfd_write(self.wakes, 1)

    def taken(self) -> list[str]:
        """What has been taken and not been told yet, until `told`."""
        return list(self._taken)

    def told(self, names: Sequence[str]) -> None:
        """The IOC knows that these were taken."""
        del self._taken[: len(names)]

    def changed(self) -> list[str]:
        """The inputs that changed since the last call."""
        if self.wakes is None:
            return []
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.wakes)
        changed: list[str] = []
        with contextlib.suppress(KeyError):
            while True:
                changed.append(self._changed.popitem()[0])
        return changed[::-1]
