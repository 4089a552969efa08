"""A server under test: started, commanded, watched, stopped."""

import contextlib
import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from bench.client import Console, Load, Result, stopping
from bench.first_get import wait_for_get
from bench.host import BenchError, Child, Cores, environment, threads_of
from bench.peers.arguments import prefix_of
from bench.servers import Kind, Shape

START_S = 30.0
ANSWER_S = 30.0
MIB = 1 << 20
_numbers = itertools.count(1)
_echoes = itertools.count(10_000_000, 10_000)


class RunningServer:
    """One server with the client processes that use it; a context manager.

    On entry it has answered its first command, so that what follows finds it ready.
    """

    def __init__(self, kind: Kind, shape: Shape, cores: Cores, folder: Path) -> None:
        self.kind = kind
        self.shape = shape
        self._cores = cores
        self._folder = folder / f"server-{next(_numbers)}"
        self._folder.mkdir(parents=True)
        self._env = {
            **environment(),
            "RUNTIME_DIRECTORY": str(self._folder / "run"),
            "STATE_DIRECTORY": str(self._folder / "state"),
        }
        self.started_s = 0.0
        self.first_get_s = 0.0
        self.console: Console

    def __enter__(self) -> Self:
        command = self.kind.command(self.shape, self._folder)
        self.started_s = time.monotonic()
        self._child = Child(
            command, self._env, core=self._cores.server, log=self._folder / "server.log"
        )
        try:
            port = int(self._env["EPICS_CA_SERVER_PORT"])
            self.first_get_s = wait_for_get("T:val0", port, START_S)
            self.console = Console(self._env, self._cores.client, self._folder)
            for number in range(self.shape.systems):
                self.wait_answer(number)
        except BenchError as ex:
            self._child.stop()
            words = self._child.last_words()
            raise BenchError(f"{self.kind.name}: {ex}; {words}") from None
        except BaseException:
            self._child.stop()
            raise
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.console.stop()
        is_dead = self._child.process.poll() is not None
        self._child.stop()
        if is_dead and error is None:
            raise BenchError(f"{self.kind.name} died; {self._child.last_words()}")

    # -- clients

    def load(self, mode: str, **options: object) -> Load:
        """A client process that is connected and waits for `go`."""
        out = self._folder / f"series-{next(_numbers)}"
        return Load(mode, self._env, self._cores.client, out, options)

    def measure(self, mode: str, **options: object) -> Result:
        """Connect a client, let it go, and wait for its result."""
        with stopping([self.load(mode, **options)]) as (load,):
            return load.go().result()

    def stream(self, text: str, pv: str, **options: object) -> Result:
        """Monitor `pv` while the system does what `text` says, until it posts -1."""
        with stopping([self.load("monitor", pv=pv, **options)]) as (load,):
            load.go()
            self.command(text)
            result = load.result()
        self.wait_answer()
        return result

    def command(self, text: str) -> None:
        """Put a command, without waiting for its end."""
        self.console.put("T:CMD", text)

    def wait_answer(self, system: int = 0) -> float:
        """Wait until the system answers commands; time.monotonic() of its answer."""
        with stopping([self.answer_load(system)]) as (load,):
            return answered_s(load.go().result())

    def answer_load(self, system: int = 0) -> Load:
        """A client that puts commands until one is answered."""
        prefix = "T:" + prefix_of(system)
        return self.load(
            "answer",
            cmd=prefix + "CMD",
            ack=prefix + "ACK",
            first=next(_echoes),
            secs=ANSWER_S,
        )

    # -- processes

    @property
    def pid(self) -> int:
        """The process that serves Channel Access."""
        return self._child.pid

    @property
    def system_pid(self) -> int:
        """The process that runs the system's code: the worker, or the server."""
        return (
            int(self.console.get("T:WORKER:PID")) if self.kind.has_worker else self.pid
        )

    def processes(self) -> list[psutil.Process]:
        """The server's process and all that it started."""
        main = psutil.Process(self.pid)
        return [main, *main.children(recursive=True)]

    def memory(self) -> float:
        """Resident memory of all processes in MiB; shared pages count in each."""
        total = 0.0
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss / MIB
        return total

    def cpu_s(self) -> tuple[float, float]:
        """CPU time so far of the serving process, and of all processes, in s."""
        each = [sum(p.cpu_times()[:2]) for p in self.processes()]
        return each[0], sum(each)

    def usage(self, secs: float) -> tuple[float, float]:
        """CPU in % over the next `secs`, of the serving process and of all."""
        before, start_s = self.cpu_s(), time.monotonic()
        time.sleep(secs)
        after, took_s = self.cpu_s(), time.monotonic() - start_s
        serving, everything = (
            100 * (b - a) / took_s for a, b in zip(before, after, strict=True)
        )
        return serving, everything

    @contextlib.contextmanager
    def one_core_each(self) -> Iterator[None]:
        """Server on one core and new clients on the other, for a while."""
        former = self._cores
        cores = sorted(os.sched_getaffinity(0))
        self._pin({cores[0]})
        self._cores = Cores("split", cores[0], cores[1])
        try:
            yield
        finally:
            self._cores = former
            self._pin(set(cores) if former.server is None else {former.server})

    def _pin(self, cores: set[int]) -> None:
        for process in self.processes():
            for thread in threads_of(process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(thread, cores)

    @contextlib.contextmanager
    def stopped(self, pid: int, secs: float) -> Iterator[None]:
        """SIGSTOP a process of this server for so long, or until the block ends."""
        timer = threading.Timer(secs, os.kill, (pid, signal.SIGCONT))
        os.kill(pid, signal.SIGSTOP)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            os.kill(pid, signal.SIGCONT)


def answered_s(result: Result) -> float:
    """When an answer load was answered. Raises BenchError when it was not."""
    if not result.facts["answered"]:
        raise BenchError(f"the system answered no command within {ANSWER_S:g} s")
    return result.fact("at_s")
