"""The IOC's fork server: it forks the workers of systems with `start = "fork"`.

One for a daemon, started before the first worker, and only if a system wants it. It is
no condition for anything: where it cannot fork, it is told why and the worker is
spawned. When it dies, the workers go on and another one is started.

Threading model: the loop's own. `launch` waits for the answer, some milliseconds, as it
does for a spawn; a fork server that does not answer within ANSWER_S is killed.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket

import msgspec

from sswd.errors import PipeClosed
from sswd.guard import VARIABLE
from sswd.ioc.process.exit_words import exit_words
from sswd.ioc.process.guardian import Guardian
from sswd.pipe import launch as spawning
from sswd.pipe.forkserver import (
    ENTRY,
    MARK_ROOM,
    NAME,
    ONE_THREAD,
    Answer,
    Request,
    packed,
    receive,
    send,
)
from sswd.pipe.launch import WorkerProcess, hold
from sswd.pipe.mark import new_mark
from sswd.pipe.pipes import Pipes
from sswd.pipe.surroundings import Surroundings
from sswd.pipe.worker_spec import WorkerSpec

log = logging.getLogger("sswd.ioc")

READY_S = 20.0
"""The first workers wait so long for it."""
ANSWER_S = 1.0
_IMPORTS = "it is importing still"


class NotForkedError(Exception):
    """Why there is no fork: words for "it ..."."""


class ForkServer:
    """A process that forks workers; started again when it has died."""

    def __init__(self, guardian: Guardian, entry: str = ENTRY) -> None:
        """`entry` is "module:function" in the process."""
        self._guardian = guardian
        self._entry = entry
        self._process: WorkerProcess | None = None
        self._asking: socket.socket | None = None
        self._words = ""
        """Why it does not fork now; "" if it does, or nobody has asked it to."""
        self._settled = asyncio.Event()
        """It is ready, or never will be."""
        self._was_ready = False

    @property
    def pid(self) -> int | None:
        """Of the process, if there is one."""
        return None if self._process is None else self._process.pid

    @property
    def error(self) -> str:
        """Why it does not fork now, words for "it ..."; empty: it does, or nobody has
        asked it to."""
        return self._words

    async def open(self) -> None:
        """Start it, and wait until it can fork; READY_S at most."""
        self._start()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._settled.wait(), READY_S)

    def launch(self, spec: WorkerSpec, *, memory: int | None = None) -> WorkerProcess:
        """Start a worker as its `start` says. Raises OSError as `launch` does."""
        if spec.start == "fork":
            try:
                return self._fork(spec, memory)
            except NotForkedError as ex:
                words = "worker '%s' is spawned, not forked. The fork server: %s"
                log.warning(words, spec.name, ex)
        return spawning.launch(spec, memory=memory)

    def close(self) -> None:
        """End it, at once: it has nothing to lose."""
        if self._process is not None:
            self._process.kill()
            self._reap()

    # -- its life

    def _start(self) -> None:
        """Have a new one. None where the host has no room for it: told at the fork."""
        name = NAME.ljust(MARK_ROOM, "_")
        env = Surroundings(env=ONE_THREAD)
        spec = WorkerSpec(name=name, target="", surroundings=env)
        self._settled.clear()
        try:
            process = spawning.launch(spec, entry=self._entry)
        except OSError as ex:
            self._words = f"it cannot be started: {ex}"
            self._settled.set()
            return
        self._words, self._process, self._was_ready = _IMPORTS, process, False
        self._guardian.watch(process.pid, process.mark)
        # It takes the descriptor over: no further one is needed, which might fail.
        self._asking = socket.socket(fileno=process.up)
        self._asking.settimeout(ANSWER_S)
        loop = asyncio.get_running_loop()
        loop.add_reader(process.up, self._on_ready)
        loop.add_reader(process.exited, self._gone)

    def _on_ready(self) -> None:
        """It has imported, or it ends."""
        assert self._process is not None
        assert self._asking is not None
        asyncio.get_running_loop().remove_reader(self._process.up)
        with contextlib.suppress(OSError, PipeClosed, msgspec.MsgspecError):
            answer, _ = receive(self._asking, Answer)
            self._words = answer.refusal
            self._was_ready = not answer.refusal
            self._settled.set()
            if self._was_ready:
                log.info("the fork server is ready (process %d)", self._process.pid)

    def _gone(self) -> None:
        """It has died. Whoever killed it may do so again: one that died before it was
        ready is not started anew before the next worker."""
        words = self._reap()
        log.warning("the fork server %s; the workers go on", words)
        if self._was_ready:
            self._start()

    def _reap(self) -> str:
        """Give everything back; words for its end."""
        assert self._process is not None
        assert self._asking is not None
        process, self._process = self._process, None
        for fd in (process.up, process.exited):
            asyncio.get_running_loop().remove_reader(fd)
        self._asking.detach()  # the process object closes it
        process.process.join()
        words = exit_words(process.exit_code())
        process.close()
        self._guardian.forget(process.pid, process.mark)
        self._words = f"it {words}"
        self._settled.set()
        return words

    # -- forking

    def _fork(self, spec: WorkerSpec, memory: int | None) -> WorkerProcess:
        """Raises NotForkedError; OSError when the host has no room for a process."""
        if self._process is None:
            self._start()
        if self._words:
            raise NotForkedError(self._words)
        pipes = Pipes(memory)
        try:
            request = _request(spec, new_mark(spec.name))
            pid = self._ask(request, [each.fileno() for each in pipes.theirs])
            process = ForkedProcess(pid)
        except BaseException:
            pipes.close()
            raise
        return hold(process, pipes, request.mark)

    def _ask(self, request: Request, descriptors: list[int]) -> int:
        """The pid of a worker that was forked."""
        assert self._process is not None
        assert self._asking is not None
        if len(os.fsencode(request.mark)) > len(os.fsencode(self._process.mark)):
            raise NotForkedError("the name of the system is too long for it")
        try:
            send(self._asking, request, descriptors)
            answer, _ = receive(self._asking, Answer)
        except (UnicodeEncodeError, TypeError) as ex:
            raise NotForkedError(f"it cannot be told: {ex}") from ex
        except (OSError, PipeClosed, msgspec.MsgspecError) as ex:
            self._process.kill()  # what it may have forked ends with it
            self._words = f"it gave no answer and was killed: {ex}"
            raise NotForkedError(self._words) from ex
        if answer.refusal:
            raise NotForkedError(answer.refusal)
        if answer.errno:
            raise OSError(answer.errno, os.strerror(answer.errno))
        return answer.pid


def _request(spec: WorkerSpec, mark: str) -> Request:
    """Raises NotForkedError for texts that are none."""
    environ = {os.fsencode(k): os.fsencode(v) for k, v in spec.surroundings.env.items()}
    carried = {os.fsencode(VARIABLE): os.fsencode(mark)}
    prepared = spawning.prepared(f"sswd worker {spec.name}")
    try:
        encoded = msgspec.msgpack.encode(spec)
    except UnicodeEncodeError as ex:
        raise NotForkedError(f"it cannot be told: {ex}") from ex
    return Request(
        spec=encoded,
        mark=mark,
        environ=packed({**os.environb, **environ, **carried}),
        prepared={**prepared, "authkey": bytes(prepared["authkey"])},
        ioc=os.getpid(),
    )


class ForkedProcess:
    """A child that the fork server has made for us; as multiprocess has processes.

    Raises NotForkedError, when it is made, if the kernel did not give us the child.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.exitcode: int | None = None
        try:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError as ex:
            raise NotForkedError("its forks do not become our children") from ex

    def join(self, timeout: float | None = None) -> None:
        """Reap it: wait for its end, or (with any `timeout`) only look."""
        if self.exitcode is not None:
            return
        with contextlib.suppress(ChildProcessError):  # somebody has reaped it
            options = 0 if timeout is None else os.WNOHANG
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.exitcode = os.waitstatus_to_exitcode(status)

    def kill(self) -> None:
        """SIGKILL, unless it was reaped."""
        if self.exitcode is None:
            os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Raises ValueError, as multiprocess does, while it lives."""
        if self.exitcode is None:
            raise ValueError("Cannot close a process while it is still running.")
