"""A worker without a process: the test says what it says, and sees what it is told.

For tests of the IOC's side, of one's own PVGroup for example, without hardware and
without waiting::

    def test_go():
        group = StageIOC(prefix="T:")
        group.seq.system = "mylab.stage:Stage"  # never imported
        with FakeWorker() as fake, running_ioc(group) as client:
            worker = fake.next_run()
            worker.come_up()
            client.put("GO", 1, wait=False)
            command = worker.expect(Execute)
            worker.post({"values": [1.0, 2.0]})
            worker.finish(command)
            client.wait_for("seq:CMD_STATE", "DONE")

Threading model: `say` and its like from one thread at a time, the rest from any. The
thread "sswd-fake-worker PID" reads what the IOC says, until `close` joins it.
"""

import contextlib
import itertools
import os
import queue
import select
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self, TypeVar

from multiprocess.connection import Connection

from sswd.errors import PipeClosed, SswdError
from sswd.pipe.codec import MessageDecoder
from sswd.pipe.framing import FrameReader, FrameWriter
from sswd.pipe.launch import WorkerProcess
from sswd.pipe.plain import plain
from sswd.pipe.protocol import (
    PROTOCOL,
    Begin,
    Down,
    Execute,
    Failed,
    Failure,
    Finished,
    Loaded,
    Message,
    Post,
    Pulse,
    Ready,
    Stop,
    Update,
)
from sswd.pipe.worker_spec import WorkerSpec

WAIT_S = 10.0
_KILLED, _TERMINATED = -9, -15
# Above what Linux gives to any process: signals to it go nowhere.
_pids = itertools.count(2**22 + 1)

M = TypeVar("M", bound=Message)


class FakeWorkerError(SswdError):
    """The IOC did not do with its fake worker what a test waited for."""


class FakeProcess(WorkerProcess):
    """What the IOC holds of a FakeRun, instead of a process."""

    def __init__(self, run: "FakeRun", exited: int, pipes: list[Connection]) -> None:
        self.process = self
        self.mark = ""
        self.pid = run.pid
        self.exited = exited
        self._run = run
        self._connections = pipes
        self.cmd, self.ctl, self.up, self.stdio = (pipe.fileno() for pipe in pipes)

    def terminate(self) -> None:
        """SIGTERM ends it, unless it is stubborn."""
        self._run.signalled(_TERMINATED)

    def kill(self) -> None:
        """SIGKILL ends it, unless it is stubborn."""
        self._run.signalled(_KILLED)

    def end_company(self) -> None:
        """It has started nothing."""

    def kill_group(self) -> None:
        """SIGKILL ends it, unless it is stubborn."""
        self._run.signalled(_KILLED)

    def dump_stacks(self, *, at_once: bool = False) -> None:
        """There are none."""

    def exit_code(self) -> int | None:
        """What `die` was given."""
        return self._run.code

    def peak_memory_mb(self) -> float | None:
        """It has none."""
        return None

    def join(self, _timeout: float | None = None) -> None:
        """As a process that has ended."""

    def close(self) -> None:
        """Close the IOC's ends."""
        for pipe in self._connections:
            pipe.close()
        self._connections.clear()
        if self.exited >= 0:
            os.close(self.exited)
            self.exited = -1


class FakeRun:
    """One life of a fake worker."""

    def __init__(self, spec: WorkerSpec) -> None:
        self.spec = spec
        self.pid = next(_pids)
        self.code: int | None = None
        """Its exit code; None: it lives."""
        self.signals: list[int] = []
        """What the IOC sent, as exit codes: -15 SIGTERM, -9 SIGKILL."""
        self.is_stubborn = False
        """Whether no signal ends it."""
        self.obeys = True
        """Whether Stop ends it by itself, with exit code 0."""
        self.heard: list[Message] = []
        """Every message from the IOC so far."""
        self._new: queue.Queue[Message] = queue.Queue()
        self._ending = threading.Lock()
        self._closing = os.eventfd(0, os.EFD_CLOEXEC)
        self.process = self._make_process()
        self._thread = threading.Thread(
            target=self._listen, name=f"sswd-fake-worker {self.pid}", daemon=True
        )
        self._thread.start()

    def _make_process(self) -> FakeProcess:
        cmd, their_cmd = os.pipe2(os.O_CLOEXEC)
        ctl, their_ctl = os.pipe2(os.O_CLOEXEC)
        their_stdio, self._stdio = os.pipe2(os.O_CLOEXEC)
        exited, self._alive = os.pipe2(os.O_CLOEXEC)
        self._up, their_up = socket.socketpair()
        theirs = [
            Connection(their_cmd, readable=False),
            Connection(their_ctl, readable=False),
            Connection(their_up.detach()),
            Connection(their_stdio, writable=False),
        ]
        for fd in (cmd, ctl, *(pipe.fileno() for pipe in theirs)):
            os.set_blocking(fd, False)
        self._readers = {
            fd: FrameReader[Down](fd, MessageDecoder(Down)) for fd in (cmd, ctl)
        }
        self._writer = FrameWriter(self._up.fileno())
        return FakeProcess(self, exited, theirs)

    # -- what it says

    def say(self, message: Message) -> None:
        """Send any message of pipe/protocol.py up. Raises PipeClosed after its end."""
        self._writer.send(message)

    def come_up(self, pvs: Mapping[str, Any] | None = None) -> None:
        """Import, construction and setup done: the worker is RUNNING.

        `pvs` are those that the class declares.
        """
        self.say(Loaded(PROTOCOL, dict(pvs or {}), []))
        self.expect(Begin)
        self.say(Ready())

    def post(self, values: Mapping[str, Any]) -> None:
        """Post values to PVs, by name without prefix, stamped now; numpy arrays."""
        self.say(Post(_updates(values)))

    def finish(
        self,
        command: Execute,
        error: str | None = None,
        *,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """The command has ended; `error`: it raised RuntimeError with these words.

        `values` are posts that come with the end.
        """
        failure = None if error is None else Failure("RuntimeError", error)
        self.say(Finished(command.id, failure, _updates(values or {})))

    def fail(self, doing: str, words: str) -> None:
        """Import, construction or setup failed with these words; it exits with 70."""
        self.say(Failed(doing, Failure("RuntimeError", words)))
        self.die(70)

    def pulse(self) -> None:
        """Give a sign of life; without it the worker is STALLED after a while."""
        self.say(Pulse())

    def write(self, text: str) -> None:
        """Write `text` on its standard output and error, which the IOC logs by line."""
        os.write(self._stdio, text.encode())

    def die(self, code: int = _KILLED) -> None:
        """End with `code`: an exit code, or minus a signal's number. Only once."""
        with self._ending:
            if self.code is None:
                self.code = code
                with contextlib.suppress(OSError):  # the IOC has closed its end
                    self._up.shutdown(socket.SHUT_RDWR)
                os.close(self._alive)

    # -- what it is told

    def expect(self, kind: type[M], timeout_s: float = WAIT_S) -> M:
        """The next message of this kind; others before it are in `heard` only.

        Raises FakeWorkerError when none comes.
        """
        until_s = time.monotonic() + timeout_s
        while True:
            try:
                message = self._new.get(timeout=max(0.0, until_s - time.monotonic()))
            except queue.Empty:
                raise FakeWorkerError(
                    f"no {kind.__name__} within {timeout_s:g} s; heard {self.heard}"
                ) from None
            if isinstance(message, kind):
                return message

    def _listen(self) -> None:
        poll = select.poll()
        for fd in (self._closing, *self._readers):
            poll.register(fd, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == self._closing:
                    return
                try:
                    messages = self._readers[fd].read()
                except PipeClosed:
                    poll.unregister(fd)
                else:
                    self._on_messages(messages)

    def _on_messages(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self.heard.append(message)
            self._new.put(message)
            if isinstance(message, Stop) and self.obeys:
                self.die(0)

    def close(self) -> None:
        """End it if it lives, and give its descriptors back."""
        self.die()
        os.eventfd_write(self._closing, 1)
        self._thread.join(WAIT_S)
        self._up.close()
        for fd in (self._stdio, self._closing, *self._readers):
            os.close(fd)

    def signalled(self, code: int) -> None:
        """The IOC sends a signal; its loop or bridge calls this."""
        if self.code is None:
            self.signals.append(code)
            if not self.is_stubborn:
                self.die(code)


class FakeWorker:
    """While its block runs, every worker that a `running_ioc` starts is fake.

    For IOCs that are served otherwise: `server.configure(launch=fake.launch)`.
    """

    _entered: ClassVar[list["FakeWorker"]] = []

    def __init__(self) -> None:
        self.runs: list[FakeRun] = []
        """All that were started, in order."""
        self._new: queue.Queue[FakeRun] = queue.Queue()

    def __enter__(self) -> Self:
        self._entered.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._entered.remove(self)
        for each in self.runs:
            each.close()

    @classmethod
    def innermost(cls) -> "FakeWorker | None":
        """The one whose block runs now; None: there is none."""
        return cls._entered[-1] if cls._entered else None

    def next_run(self, timeout_s: float = WAIT_S) -> FakeRun:
        """The next worker that the IOC starts, or has started since the last call.

        Raises FakeWorkerError when it starts none.
        """
        try:
            return self._new.get(timeout=timeout_s)
        except queue.Empty:
            raise FakeWorkerError(f"no worker started within {timeout_s:g} s") from None

    def launch(self, spec: WorkerSpec, *, memory: int | None = None) -> FakeProcess:
        """Start a FakeRun in place of a process; for the IOC. `memory` is not used."""
        del memory
        run = FakeRun(spec)
        self.runs.append(run)
        self._new.put(run)
        return run.process


def _updates(values: Mapping[str, Any]) -> list[Update]:
    return [Update(pv, plain(value), time.time()) for pv, value in values.items()]
