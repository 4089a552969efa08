"""One lifetime of a worker process as the IOC holds it; words for its death."""

import signal
import time

from msgspec.structs import replace

from sswd.ioc.bridge import Bridge
from sswd.ioc.doors import Door
from sswd.ioc.guardian import Guardian
from sswd.ioc.slots import share
from sswd.launch import WorkerProcess, launch
from sswd.protocol import Failed, Free, Loaded, Message, WorkerSpec


class Run:
    """A worker process with its bridge. `number` is 0 while it is a standby.

    Threading model: the loop's own; the bridge is the thread.
    """

    def __init__(self, spec: WorkerSpec, up: Door, guardian: Guardian) -> None:
        """Launch the process. Raises OSError when the host has no room for it."""
        self.number = 0
        self.name = spec.name
        self.born_s = time.monotonic()
        self.ready_s: float | None = None
        self.loaded: Loaded | None = None
        self.failed: Failed | None = None
        self.peak_mb: float | None = None
        self._guardian = guardian
        self._memory = share(spec.slots, spec.name)
        try:
            self.process = self._launch(spec)
        except OSError:
            self._forget_memory()
            raise
        self.pid: int = self.process.pid
        guardian.watch(self.pid)
        from_slot = None if self._memory is None else self._memory.view
        self.bridge = Bridge(self, self.process, spec.name, up, from_slot)
        if self._memory is not None:
            bridge = self.bridge
            self._memory.on_free = lambda slot: bridge.order(Free([slot]))
        self.bridge.start()

    def _launch(self, spec: WorkerSpec) -> WorkerProcess:
        if self._memory is None:
            return launch(replace(spec, slots={}))
        return launch(spec, memory=self._memory.fd)

    def _forget_memory(self) -> None:
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    def begin(self, number: int, commands: Door) -> None:
        """Make this the active run: its commands come from this door."""
        self.number = number
        self.born_s = time.monotonic()
        self.bridge.attach(commands)

    def order(self, message: Message) -> None:
        """Send Begin, Grant, Cancel or Stop."""
        self.bridge.order(message)

    def ran_s(self, now_s: float) -> float:
        """For how long it has been RUNNING; 0 when it never was."""
        return 0.0 if self.ready_s is None else now_s - self.ready_s

    def release(self) -> int | None:
        """After Gone: give everything back and return the exit code."""
        self.bridge.join(timeout=1.0)
        code = self.process.exit_code()
        self.process.close()
        self._guardian.forget(self.pid)
        self._forget_memory()
        return code


def exit_words(code: int | None) -> str:
    """ "was killed by SIGSEGV", "exited with code 3"."""
    if code is None:
        return "is gone without an exit code"
    if code < 0:
        try:
            return f"was killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"was killed by signal {-code}"
    return f"exited with code {code}"


def failed_words(failed: Failed) -> str:
    """ "setup failed: OSError: no route to host", on one line."""
    failure = failed.failure
    return f"{failed.doing} failed: {failure.kind}: {failure.message}".replace(
        "\n", " "
    )


def crash_text(tail: list[str]) -> str:
    """The part of the worker's last output from faulthandler's or Python's words on."""
    for i, line in enumerate(tail):
        if line.startswith(("Fatal Python error", "Traceback (most recent call last)")):
            return "\n".join(tail[i:])
    return ""
