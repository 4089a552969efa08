"""`sswd` with a fault built into its IOC: `python patched.py FAULT run FILE.toml`.

For what no test can do to a real process from outside: a process that SIGKILL does not
end, a message that is late, and the wrong policies that the torture test must catch.
"""

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from sswd import cli
from sswd.ioc.bridge import Bridge
from sswd.launch import WorkerProcess
from sswd.protocol import Failed, Failure, Finished, Post, Pulse, Ready

HERE = Path(__file__).resolve()


def patched(fault: str) -> tuple[str, ...]:
    """The `command` of running_daemon."""
    return (sys.executable, str(HERE), fault)


def unkillable() -> None:
    """No signal ends a worker, as while it waits within a device driver of the kernel.

    The guard's SIGKILL, from its own process, is the end of the fault.
    """
    WorkerProcess.kill_group = lambda _self: None  # type: ignore[method-assign]
    WorkerProcess.terminate = lambda _self: None  # type: ignore[method-assign]


def late() -> None:
    """A dead run's bridge delivers messages long after, when $GO exists."""
    last_words = Bridge._last_words

    def and_more(self: Any) -> None:
        run, door = self._run, self._up_door
        last_words(self)

        def deliver() -> None:
            while not Path(os.environ["GO"]).exists():
                time.sleep(0.01)
            lies = [("values", [666.0], 0.0), ("message", "late", 0.0)]
            door.push((run, Post(lies)))
            for number in range(10):
                door.push((run, Finished(number, None, False, lies)))
            door.push((run, Ready()))
            door.push((run, Pulse(1, 1.0)))
            door.push((run, Failed("setup", Failure("Late", "late"))))
            Path(os.environ["GO"] + ".done").touch()

        threading.Thread(target=deliver, daemon=True).start()

    Bridge._last_words = and_more  # type: ignore[method-assign]


if __name__ == "__main__":
    globals()[sys.argv[1]]()
    sys.exit(cli.main(sys.argv[2:]))
