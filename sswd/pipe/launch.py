"""Start a worker process by the name of its entry, with its pipes, and nothing more.

Why the spawn launcher of multiprocess is overridden: as shipped it re-imports the
user's `__main__` in the child (an unguarded script would start another IOC, and a
console script would bring caproto along) and starts a resource tracker of 19 MB for
shared semaphores that we do not use.

Threading model: call from the main thread only. PR_SET_PDEATHSIG, the second belt
against orphans, fires when the *thread* that spawned ends.
"""

import contextlib
import io
import os
import signal
import sys
from pathlib import Path
from typing import Any, Protocol

import msgspec
import multiprocess.process
from multiprocess import context, popen_spawn_posix, spawn, util
from multiprocess.connection import Connection

from sswd import guard
from sswd.pipe import other_python
from sswd.pipe.entry import enter, interrupt_held_back
from sswd.pipe.mark import carrying, new_mark
from sswd.pipe.pipes import STDIO, Pipes
from sswd.pipe.protocol import STACKS, STACKS_AT_ONCE
from sswd.pipe.worker_spec import WorkerSpec

WORKER_ENTRY = "sswd.worker.main:main"


class _Popen(popen_spawn_posix.Popen):  # type: ignore[misc]
    """multiprocess's spawn without the user's __main__ and without the tracker."""

    def _launch(self, process_obj: Any) -> None:
        payload = self._payload(process_obj)
        parent_reads, child_writes = os.pipe()
        passing = [child_writes]
        try:
            child_reads, parent_writes = os.pipe()
            passing += [child_reads, parent_writes]
            program, command = _command(process_obj, child_reads)
            self._fds.extend([child_reads, child_writes])
            with (
                carrying(process_obj.mark, process_obj.surroundings.env),
                interrupt_held_back(),
            ):
                self.pid = util.spawnv_passfds(program, command, self._fds)
            passing.remove(parent_writes)
            with os.fdopen(parent_writes, "wb") as pipe:
                pipe.write(payload)
        except BaseException:
            os.close(parent_reads)
            self._give_up()
            raise
        finally:
            for fd in passing:
                os.close(fd)
        self.sentinel = parent_reads
        self.finalizer = util.Finalize(self, util.close_fds, [parent_reads])

    def _payload(self, process_obj: Any) -> bytes:
        """What the child reads first; `_fds` are what it inherits then."""
        if process_obj.surroundings.python is not None:
            self._fds.extend(pipe.fileno() for pipe in process_obj.pipes)
            return other_python.payload_of(
                process_obj.entry, process_obj.spec, process_obj.pipes
            )
        payload = io.BytesIO()
        context.set_spawning_popen(self)
        try:
            context.reduction.dump(prepared(process_obj.name), payload)
            context.reduction.dump(process_obj, payload)
        finally:
            context.set_spawning_popen(None)
        return payload.getvalue()

    def _give_up(self) -> None:
        """Nobody is going to hold a process that may be there: end and reap it."""
        pid: int | None = getattr(self, "pid", None)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _command(process_obj: Any, payload: int) -> tuple[bytes, list[str]]:
    """(program, its command line) that reads the descriptor `payload`."""
    python = process_obj.surroundings.python
    if python is not None:
        stdio = process_obj.pipes[STDIO].fileno()
        command = other_python.command_line(python, payload, stdio)
        return os.fsencode(python), command
    command = spawn.get_command_line(tracker_fd=None, pipe_handle=payload)
    return spawn.get_executable(), command


def prepared(name: str) -> dict[str, Any]:
    """What `multiprocess.spawn.prepare` shall do in the child, without `__main__`.

    The child's directory is ours; where that was moved or removed since the start, and
    perhaps made anew by a deployment, it is the one that has its name now, if any.
    """
    folder = multiprocess.process.ORIGINAL_DIR
    path = [folder if entry == "" else entry for entry in sys.path]
    found: dict[str, Any] = {
        "name": name,
        "authkey": multiprocess.process.current_process().authkey,
        "sys_path": [entry for entry in path if entry is not None],
        "sys_argv": sys.argv,
        "orig_dir": folder,
        "start_method": context._default_context.get_start_method(),  # noqa: SLF001
    }
    with contextlib.suppress(OSError):
        found["dir"] = str(Path.cwd())
        return found
    if folder is not None and os.access(folder, os.X_OK):
        found["dir"] = folder
    return found


class _Process(context.SpawnProcess):  # type: ignore[misc]
    """Runs `entry` ("module:function") with an encoded spec and the pipes."""

    def __init__(
        self,
        name: str,
        entry: str,
        spec: WorkerSpec,
        pipes: list[Connection],
        mark: str,
    ) -> None:
        encoded = msgspec.msgpack.encode(spec)
        super().__init__(target=enter, name=name, args=(entry, encoded, *pipes))
        self.entry, self.spec, self.pipes = entry, encoded, pipes
        self.mark, self.surroundings = mark, spec.surroundings

    def __getstate__(self) -> dict[str, Any]:
        """For the child: the pipes are among the arguments already."""
        ours = ("entry", "spec", "pipes", "surroundings")
        return {k: v for k, v in self.__dict__.items() if k not in ours}

    @staticmethod
    def _Popen(process_obj: Any) -> _Popen:  # noqa: N802 (multiprocess's name)
        return _Popen(process_obj)


class WorkerProcess:
    """The IOC's hold on one worker process: its pid and our ends of its pipes.

    `cmd`, `ctl`, `up` and `stdio` are non-blocking descriptors; `exited` becomes
    readable when the process is gone, even if its children hold its pipes open.
    """

    def __init__(
        self, process: Any, exited: int, connections: list[Connection], mark: str
    ) -> None:
        self.process = process
        self.mark = mark
        self.pid: int = process.pid
        self.exited = exited
        self._connections = connections
        self.cmd, self.ctl, self.up, self.stdio = (c.fileno() for c in connections)

    def terminate(self) -> None:
        """SIGTERM to the worker process alone, unless it is gone already."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.exited, signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL the worker process. What it started is ended after its exit."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.exited, signal.SIGKILL)

    def end_company(self) -> None:
        """SIGKILL what the worker started, but for resource trackers: they remove the
        shared memory, when they have seen that nobody is left; the guard waits for
        them. Looks through all processes. Before the worker is reaped."""
        guard.kill_but_trackers({self.mark}, self.pid)

    def kill_group(self) -> None:
        """SIGKILL the worker and all that it started; blocks until they are gone."""
        self.kill()
        guard.end_left({self.mark}, self.pid)

    def dump_stacks(self, *, at_once: bool = False) -> None:
        """Have it write the stacks of its threads, or `at_once` that of its main
        thread, unless it is gone already."""
        with contextlib.suppress(ProcessLookupError):
            number = STACKS_AT_ONCE if at_once else STACKS
            signal.pidfd_send_signal(self.exited, number)

    def exit_code(self) -> int | None:
        """None while it lives; negative: the signal that killed it. Reaps it."""
        self.process.join(0)
        return self.process.exitcode  # type: ignore[no-any-return]

    def peak_memory_mb(self) -> float | None:
        """Peak resident memory in MB, from /proc; None when it is gone already."""
        try:
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024
        except OSError:
            pass
        return None

    def close(self) -> None:
        """Close our ends. The process must be gone or be meant to go (EOF)."""
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        with contextlib.suppress(ValueError):  # it lives: its end is the guard's
            self.process.close()  # else its sentinel stays open until it is garbage
        if self.exited >= 0:
            os.close(self.exited)
            self.exited = -1


class Launch(Protocol):
    """How a worker process is started: `launch`, or a test's stand-in for it."""

    def __call__(
        self, spec: WorkerSpec, *, memory: int | None = None
    ) -> WorkerProcess: ...


def launch(
    spec: WorkerSpec, *, memory: int | None = None, entry: str = WORKER_ENTRY
) -> WorkerProcess:
    """Start a worker as `spec` says; `entry` is "module:function" in the child.

    `memory` is a memfd with the slots of `spec`; the child gets a copy of it.

    Raises OSError when the system has no process or descriptor left for it, or `python`
    of its surroundings cannot be run.
    """
    if spec.surroundings.python is not None:
        other_python.check_python(spec.surroundings.python)
    pipes = Pipes(memory)
    try:
        mark = new_mark(spec.name)
        name = f"sswd worker {spec.name}"
        process = _Process(name, entry, spec, pipes.theirs, mark)
        process.start()
        # Else multiprocess would wait for the worker at exit, for ever: we reap it.
        multiprocess.process._children.discard(process)  # noqa: SLF001
    except BaseException:
        pipes.close()
        raise
    return hold(process, pipes, mark)


def hold(process: Any, pipes: Pipes, mark: str) -> WorkerProcess:
    """The hold on a child of ours that has just begun, and has its pipes.

    `process` is one of multiprocess's, or what can do as much. Raises OSError when no
    descriptor is left; the process is ended then.
    """
    pipes.hand_over()
    try:
        return WorkerProcess(process, os.pidfd_open(process.pid), pipes.ours, mark)
    except OSError:
        process.kill()
        process.join()
        process.close()
        pipes.close()
        raise
