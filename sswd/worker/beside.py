"""`@every` methods that run beside commands, each on a thread of its own.

Threading model: started and joined by the main thread. A thread is named
"sswd-every-METHOD" and calls nothing but its method.
"""

import threading
import time
from collections.abc import Callable

from sswd.worker.log import log
from sswd.worker.readback import Readback
from sswd.worker.schedule import Periodic
from sswd.worker.words import words_of

JOIN_S = 1.0
"""All of them together have so long to end, when the worker stops."""


class BesideCommands:
    """The threads of one worker."""

    def __init__(self, is_paused: Callable[[], bool]) -> None:
        """`is_paused`: whether methods are not to be called now."""
        self._is_paused = is_paused
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()

    def start(self, readback: Readback) -> None:
        """Call this method every period, from now on until `stop`."""
        thread = threading.Thread(
            target=self._run,
            args=(readback,),
            name=f"sswd-every-{readback.name}",
            daemon=True,
        )
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """Call them no more. One that does not return in time is told and left."""
        self._stopping.set()
        until_s = time.monotonic() + JOIN_S
        for thread in self._threads:
            thread.join(max(0.0, until_s - time.monotonic()))
            if thread.is_alive():
                log.warning("%s does not return; close() is called now", thread.name)

    def _run(self, readback: Readback) -> None:
        periodic = Periodic(readback.call, readback.marked.period_s)
        while not self._stopping.wait(max(0.0, periodic.due_s - time.monotonic())):
            periodic.advance(time.monotonic())
            if self._is_paused():
                continue
            try:
                readback.call()
            except BaseException as ex:  # noqa: BLE001 (firewall around user code)
                # SystemExit would end this thread, and no one would see it.
                log.error("periodic method %s: %s", readback.name, words_of(ex))
