"""`sswd` with a fault built into its IOC: `python patched.py FAULT run FILE.toml`.

For what no test can do to a real process from outside: a process that SIGKILL does not
end, a message that is late, and the wrong policies that the torture test must catch.
"""

import atexit
import errno
import json
import os
import select
import sys
import threading
import time
from pathlib import Path
from typing import Any

from sswd import cli
from sswd.ioc.commands.command import CommandState
from sswd.ioc.commands.ledger import Ledger
from sswd.ioc.process.bridge import Bridge, Gone
from sswd.ioc.process.slots import SharedMemory
from sswd.pipe import framing
from sswd.pipe.launch import WorkerProcess
from sswd.pipe.protocol import Failed, Failure, Finished, Post, Pulse, Ready

HERE = Path(__file__).resolve()


def patched(fault: str) -> tuple[str, ...]:
    """The `command` of running_daemon."""
    return (sys.executable, str(HERE), fault)


def none() -> None:
    """No fault."""


def overheard() -> None:
    """No fault: at its end $TOLD gets the IOC's modules and what it unpickled."""
    unpickled: list[str] = []

    def on_message(event: str, args: tuple[Any, ...]) -> None:
        if event == "pickle.find_class":
            unpickled.append(f"{args[0]}.{args[1]}")

    def tell() -> None:
        told = {"modules": sorted(sys.modules), "unpickled": unpickled}
        Path(os.environ["TOLD"]).write_text(json.dumps(told))

    sys.addaudithook(on_message)
    atexit.register(tell)


def unkillable() -> None:
    """No signal ends a worker, as while it waits within a device driver of the kernel.

    The guard's SIGKILL, from its own process, is the end of the fault.
    """
    WorkerProcess.kill = lambda _self: None  # type: ignore[method-assign]
    WorkerProcess.terminate = lambda _self: None  # type: ignore[method-assign]


def late() -> None:
    """A dead run's bridge delivers messages long after, when $GO exists."""
    last_words = Bridge._last_words

    def and_more(self: Any) -> None:
        deliver = self._deliver
        last_words(self)

        def deliver_late() -> None:
            while not Path(os.environ["GO"]).exists():
                time.sleep(0.01)
            lies = [("values", [666.0], 0.0), ("message", "late", 0.0)]
            deliver([Post(lies)])
            deliver([Finished(number, None, lies) for number in range(10)])
            deliver([Ready(), Pulse(), Failed("setup", Failure("Late", "late"))])
            Path(os.environ["GO"] + ".done").touch()

        threading.Thread(target=deliver_late, daemon=True).start()

    Bridge._last_words = and_more  # type: ignore[method-assign]


def always_retry() -> None:
    """The command that ran when the worker died is run again."""
    worker_gone = Ledger.worker_gone

    def and_again(self: Any, words: str, now_s: float) -> Any:
        command, self.running = self.running, None
        if command is not None:
            command.state, command.started_s = CommandState.QUEUED, None
            self._queue.appendleft(command)
        return worker_gone(self, words, now_s)

    Ledger.worker_gone = and_again  # type: ignore[method-assign]


def drop_and_say_ok() -> None:
    """The command that ran when the worker died is said to have succeeded."""
    worker_gone = Ledger.worker_gone

    def and_smile(self: Any, words: str, now_s: float) -> Any:
        command, self.running = self.running, None
        told = (
            [] if command is None else self._end(command, CommandState.DONE, "", now_s)
        )
        return told + worker_gone(self, words, now_s)

    Ledger.worker_gone = and_smile  # type: ignore[method-assign]


def judge_before_draining() -> None:
    """The exit is looked at first, and what the pipe still holds is not read, neither
    by the thread nor by the loop."""
    turn, receive = Bridge._turn, Bridge.receive

    def receive_of_the_living(self: Any) -> Any:
        return [] if self.has_exited else receive(self)

    def judge(self: Any) -> None:
        self._poll.poll(self._timeout_ms())
        if select.select([self._process.exited], [], [], 0)[0]:
            self._exited = True
        else:
            turn(self)

    def last_words(self: Any) -> None:
        self._process.end_company()
        with self._wake_lock:
            os.close(self._wake)
            self._wake = -1
        self._deliver([Gone(self._lines.end(), time.monotonic())])

    Bridge._turn = judge  # type: ignore[method-assign]
    Bridge.receive = receive_of_the_living  # type: ignore[method-assign]
    Bridge._last_words = last_words  # type: ignore[method-assign]


def slots_only() -> None:
    """A worker that sends a large array through the pipe is ended for it."""
    framing.MAX_BODY = 1 << 20  # type: ignore[misc]


def no_memory() -> None:
    """The host has no memory left for slots."""

    def allocate(self: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    SharedMemory.allocate = allocate  # type: ignore[method-assign]


def slow_memory() -> None:
    """The host takes its time to find memory for slots."""
    allocate = SharedMemory.allocate

    def slowly(self: Any) -> None:
        time.sleep(3.0)
        allocate(self)

    SharedMemory.allocate = slowly  # type: ignore[method-assign]


if __name__ == "__main__":
    globals()[sys.argv[1]]()
    sys.exit(cli.main(sys.argv[2:]))
