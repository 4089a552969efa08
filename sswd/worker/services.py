"""What the worker offers to the system: posting, sleeping, knowing of an abort."""

import time
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from sswd.alarm import Alarm
from sswd.config import pv_from_dict
from sswd.config.companions import READBACK
from sswd.pipe.limits import array_bytes
from sswd.pipe.protocol import Declare, Log, Properties
from sswd.worker.coroutines import Coroutines
from sswd.worker.declaration_size import portions
from sswd.worker.forks import is_child, refuse_in_child
from sswd.worker.outbox import Outbox
from sswd.worker.readback import is_held
from sswd.worker.reading import Reading
from sswd.worker.system import Aborted
from sswd.worker.watch import CommandWatch


class WorkerServices:
    """Implements `system.Services`. Methods may be called from any thread."""

    def __init__(
        self,
        outbox: Outbox,
        watch: CommandWatch,
        coroutines: Coroutines,
        readbacks: Collection[str] = (),
        inputs: Mapping[str, Reading] = MappingProxyType({}),
    ) -> None:
        """`readbacks` are PVs named X_RBV, to which handlers of X may return."""
        self.inputs = inputs
        self._outbox = outbox
        self._watch = watch
        self._coroutines = coroutines
        self._readbacks = set(readbacks)

    def post(self, updates: Mapping[str, Any]) -> None:
        refuse_in_child("a post was")
        if not is_held(updates):
            self._outbox.post(updates)
        self._watch.raise_pending()

    def post_alarm(self, pv: str, alarm: Alarm) -> None:
        refuse_in_child("a post was")
        self._outbox.post_alarm(pv, alarm)
        self._watch.raise_pending()

    def completed(self, result: Any) -> Any:
        """What a method returned, or what its coroutine returns. Main thread."""
        return self._coroutines.completed(result)

    def may_return(self, pvs: Mapping[str, Mapping[str, Any]]) -> None:
        """Handlers may return values for these PVs, too, and for their readbacks."""
        self._readbacks.update(pvs)
        self._readbacks.update(
            pv + READBACK for pv, keys in pvs.items() if keys.get("readback")
        )

    def returned(self, pv: str, value: Any) -> None:
        """Post what the handler of `pv` returned to its readback, if it has one."""
        readback = pv + READBACK
        if value is not None and readback in self._readbacks:
            self.post({readback: value})

    def declare(self, pvs: Mapping[str, Mapping[str, Any]]) -> None:
        """Have the IOC serve more PVs. Raises ConfigError; RuntimeError after setup."""
        refuse_in_child("a PV was declared")
        if self._watch.runs_command:
            raise RuntimeError("declare() is for setup(): clients look for PVs then")
        keys = {str(name): dict(given) for name, given in pvs.items()}
        for name, given in keys.items():
            pv_from_dict(name, given, "declare")
        parts = list(portions(keys))
        self.may_return(keys)
        for part in parts:
            self._outbox.send(Declare(part))
        # After: the IOC takes larger frames once it has been told of these.
        self._outbox.max_array = array_bytes(self._outbox.max_array, keys)

    def change(self, properties: Properties) -> None:
        """Tell the IOC of new limits, units or strings."""
        refuse_in_child("a change was")
        self._outbox.tell(properties)
        self._watch.raise_pending()

    def note(self, record: Log) -> None:
        """Send a log record; an Aborted that waits is raised then."""
        self._outbox.note(record)
        self._watch.raise_pending()

    def sleep(self, seconds: float) -> None:
        """Sleep, or raise Aborted as soon as the running command is aborted."""
        if not self._watch.is_running or is_child():
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
