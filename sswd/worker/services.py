"""What the worker offers to the system: posting, sleeping, knowing of an abort."""

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sswd.alarm import Alarm
from sswd.config import pv_from_dict
from sswd.config.companions import readbacks
from sswd.pipe.protocol import Declare, Log, Properties
from sswd.worker.outbox import Outbox
from sswd.worker.reading import Reading
from sswd.worker.system import Aborted
from sswd.worker.watch import CommandWatch


class WorkerServices:
    """Implements `system.Services`. Methods may be called from any thread."""

    def __init__(
        self,
        outbox: Outbox,
        watch: CommandWatch,
        inputs: Mapping[str, Reading] = MappingProxyType({}),
    ) -> None:
        self.inputs = inputs
        self.readbacks: set[str] = set()
        """PVs whose readback is what their handler returns."""
        self._outbox = outbox
        self._watch = watch

    def post(self, updates: Mapping[str, Any]) -> None:
        self._outbox.post(updates)
        self._watch.raise_pending()

    def post_alarm(self, pv: str, alarm: Alarm) -> None:
        self._outbox.post_alarm(pv, alarm)
        self._watch.raise_pending()

    def declare(self, pvs: Mapping[str, Mapping[str, Any]]) -> None:
        """Have the IOC serve more PVs. Raises ConfigError; RuntimeError after setup."""
        if not self._watch.is_setting_up:
            raise RuntimeError("declare() is for setup(): clients look for PVs then")
        keys = {str(name): dict(given) for name, given in pvs.items()}
        found = {name: pv_from_dict(name, k, "declare") for name, k in keys.items()}
        self.readbacks.update(readbacks(found))
        self._outbox.send(Declare(keys))

    def change(self, properties: Properties) -> None:
        """Tell the IOC of new limits, units or strings."""
        self._outbox.send(properties)
        self._watch.raise_pending()

    def note(self, record: Log) -> None:
        """Send a log record; an Aborted that waits is raised then."""
        self._outbox.note(record)
        self._watch.raise_pending()

    def sleep(self, seconds: float) -> None:
        """Sleep, or raise Aborted as soon as the running command is aborted."""
        if not self._watch.is_running:
            time.sleep(seconds)
        elif self._watch.aborted.wait(seconds):
            self._watch.forget_pending()
            raise Aborted

    def is_aborted(self) -> bool:
        return self._watch.is_running and self._watch.aborted.is_set()


class PutQueue:
    """`io_put_queue` of the classic contract: a queue of which one only sees `put`."""

    def __init__(self, services: WorkerServices) -> None:
        self._services = services

    def put(self, updates: Mapping[str, Any]) -> None:
        """Post every `pv: value` pair. Does not wait (but see outbox.py on ACK)."""
        self._services.post(updates)
