"""A real worker process in the hands of a test: its pipes, without Channel Access."""

import contextlib
import os
import select
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from sswd.errors import PipeClosed
from sswd.pipe.codec import MessageDecoder, credits_of
from sswd.pipe.framing import FrameReader, FrameWriter
from sswd.pipe.launch import WorkerProcess, launch
from sswd.pipe.protocol import (
    Begin,
    Cancel,
    Execute,
    Failed,
    Finished,
    Grant,
    Loaded,
    Log,
    Message,
    Post,
    Ready,
    Restore,
    Rung,
    Stop,
    Up,
)
from sswd.pipe.worker_spec import WorkerSpec

DRIVERS = Path(__file__).parent / "drivers"
LIMIT_S = 10.0
"""No wait of a test is longer; all are far shorter when sswd is right."""

M = TypeVar("M", bound=Message)


class Rig:
    """One worker. Keeps what it said; grants credits back unless told otherwise."""

    def __init__(self, target: str, *, grants: bool = True, **spec: Any) -> None:
        spec.setdefault("name", "rig")
        spec.setdefault("folder", str(DRIVERS))
        spec.setdefault("pulse_s", 0.1)
        self.process: WorkerProcess = launch(WorkerSpec(target=target, **spec))
        self.pid = self.process.pid
        self.grants = grants
        self.setpoints: dict[str, Any] = {}
        self.said: list[Message] = []
        self.output = bytearray()
        self.is_up_closed = False
        self._taken = 0
        self._ids = 0
        self._cmd = FrameWriter(self.process.cmd)
        self._ctl = FrameWriter(self.process.ctl)
        self._reader: FrameReader[Any] = FrameReader(
            self.process.up, MessageDecoder(Up)
        )
        self._poll = select.poll()
        for fd in (self.process.up, self.process.stdio):
            self._poll.register(fd, select.POLLIN)

    # -- down

    def order(self, message: Message) -> None:
        """Send on ctl. Setpoints go before Begin, as from the IOC."""
        if isinstance(message, Begin):
            self._cmd.send(Restore(self.setpoints))
        self._ctl.send(message)

    def begin(self) -> "Rig":
        """Go through the handshake until Ready."""
        self.wait(Loaded)
        self.order(Begin())
        self.wait(Ready)
        return self

    def execute(self, value: Any, pv: str = "CMD") -> int:
        """Send a command; its id."""
        self._ids += 1
        self._cmd.send(Execute(self._ids, pv, value))
        return self._ids

    def run(self, value: Any, pv: str = "CMD") -> Finished:
        """Send a command and wait for its end."""
        return self.wait_finished(self.execute(value, pv))

    def cancel(self, command_id: int, rung: Rung) -> None:
        self.order(Cancel(command_id, rung))

    def stop(self) -> int | None:
        """Ask to stop and return the exit code."""
        self.order(Stop())
        return self.wait_exit()

    # -- up

    def wait(self, kind: type[M], test: Callable[[M], bool] = lambda _: True) -> M:
        """The next message of this kind that was not waited for before."""
        for message in self._coming():
            if isinstance(message, kind) and test(message):
                return message
        raise AssertionError(
            f"no {kind.__name__} within {LIMIT_S} s; it said {self.said[-5:]}, "
            f"printed {bytes(self.output[-2000:]).decode(errors='replace')}"
        )

    def wait_finished(self, command_id: int) -> Finished:
        return self.wait(Finished, lambda m: m.id == command_id)

    def wait_post(self, pv: str, value: Any = ...) -> Any:
        """Wait until `pv` is posted (as `value`) in Post or Finished."""

        def has(message: Message) -> bool:
            return any(
                name == pv and (value is ... or posted == value)
                for name, posted in updates_of(message)
            )

        self.wait(Message, has)  # type: ignore[type-abstract]
        return value

    def posted(self, pv: str) -> list[Any]:
        """Every value that `pv` was posted with, in order."""
        return [v for m in self.said for name, v in updates_of(m) if name == pv]

    @property
    def posts(self) -> list[tuple[str, Any]]:
        """Everything posted, in order."""
        return [(name, v) for m in self.said for name, v in updates_of(m)]

    def logs(self) -> list[Log]:
        return [m for m in self.said if isinstance(m, Log)]

    def failed(self) -> Failed:
        """Wait for a failure in import, construction or setup."""
        return self.wait(Failed)

    def wait_output(self, text: str) -> str:
        """Wait until stdout and stderr together hold `text`; all that was printed."""
        until_s = time.monotonic() + LIMIT_S
        while text not in self.printed and time.monotonic() < until_s:
            self.pump(0.1)
        assert text in self.printed, self.printed[-2000:]
        return self.printed

    @property
    def printed(self) -> str:
        return self.output.decode(errors="backslashreplace")

    def wait_exit(self) -> int | None:
        """Wait until the process is gone and its pipes are drained; the exit code."""
        until_s = time.monotonic() + LIMIT_S
        exited = select.poll()
        exited.register(self.process.exited, select.POLLIN)
        while not exited.poll(0):
            assert time.monotonic() < until_s, f"still alive; printed {self.printed}"
            self.pump(0.01)
        while self.pump(0.0):
            pass
        return self.process.exit_code()

    def pump(self, timeout_s: float) -> bool:
        """Read what is there, waiting at most so long; False: nothing more was."""
        fds = [fd for fd, _ in self._poll.poll(timeout_s * 1000)]
        if self.process.stdio in fds:
            data = os.read(self.process.stdio, 65536)
            self.output += data
            if not data:
                self._poll.unregister(self.process.stdio)
        if self.process.up in fds:
            self._read_up()
        return bool(fds)

    def _read_up(self) -> None:
        try:
            messages = self._reader.read()
        except PipeClosed:
            self.is_up_closed = True
            self._poll.unregister(self.process.up)
            return
        self.said += messages
        if self.grants:
            cost = sum(
                credits_of(u.value for u in m.updates)
                for m in messages
                if isinstance(m, Post)
            )
            if cost:
                with contextlib.suppress(PipeClosed):
                    self.order(Grant(cost))

    def _coming(self) -> Iterator[Message]:
        until_s = time.monotonic() + LIMIT_S
        while time.monotonic() < until_s:
            while self._taken < len(self.said):
                self._taken += 1
                yield self.said[self._taken - 1]
            self.pump(0.05)

    # -- end

    def close_cmd(self) -> None:
        """What the worker sees when the IOC is gone; likewise `close_ctl`."""
        self.process._connections[0].close()

    def close_ctl(self) -> None:
        self.process._connections[1].close()

    def close(self) -> None:
        """Kill what is left and give everything back."""
        self.process.kill_group()
        exited = select.poll()
        exited.register(self.process.exited, select.POLLIN)
        assert exited.poll(5000), "not even SIGKILL ended it"
        self.process.exit_code()
        self.process.close()


def was_aborted(ended: Finished) -> bool:
    """Whether the worker says that the command was asked to end, and so it did."""
    return ended.failure is not None and ended.failure.kind == "Aborted"


def updates_of(message: Message) -> list[Any]:
    match message:
        case Post(updates):
            return [(u.pv, u.value) for u in updates]
        case Finished(posts=posts):
            return [(u.pv, u.value) for u in posts]
        case _:
            return []
