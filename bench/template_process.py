"""What workers would cost if a template process that has imported numpy forked them.

    python -m bench.template_process [N]

A prototype for decision 15, for its figures alone: memory (PSS), CPU and time of N
workers from launch to Ready, and the time from a launch to the end of a first command.
"""

import os
import select
import socket
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
from multiprocess.connection import Connection, Pipe

from sswd.pipe.codec import MessageDecoder
from sswd.pipe.framing import FrameReader, FrameWriter
from sswd.pipe.launch import launch
from sswd.pipe.protocol import (
    Begin,
    Execute,
    Finished,
    Loaded,
    Message,
    Ready,
    Restore,
    Up,
)
from sswd.pipe.worker_spec import WorkerSpec

DRIVERS = Path(__file__).parents[1] / "tests/misbehaving"
TARGET = "echo:Echo"
LIMIT_S = 300.0
AGAIN = 9
TICKS = os.sysconf("SC_CLK_TCK")


class Worker:
    """One worker and our ends of its pipes."""

    def __init__(self, pid: int, fds: tuple[int, int, int, int]) -> None:
        self.pid = pid
        self.cmd, self.ctl, self.up, self.stdio = fds
        self._reader: FrameReader[Up] = FrameReader(self.up, MessageDecoder(Up))

    def until(self, kind: type[Message]) -> None:
        """Read until it has said this."""
        until_s = time.monotonic() + LIMIT_S
        while time.monotonic() < until_s:
            select.select([self.up], [], [], 1.0)
            if any(isinstance(m, kind) for m in self._reader.read()):
                return
        raise TimeoutError(kind.__name__)

    def begin(self) -> None:
        self.until(Loaded)
        FrameWriter(self.cmd).send(Restore({}))
        FrameWriter(self.ctl).send(Begin())

    def answer(self) -> None:
        FrameWriter(self.cmd).send(Execute(1, "CMD", "x"))
        self.until(Finished)


def spec() -> WorkerSpec:
    return WorkerSpec(name="w", target=TARGET, folder=str(DRIVERS))


def spawned() -> Worker:
    process = launch(spec())
    KEPT.append(process)
    return Worker(process.pid, (process.cmd, process.ctl, process.up, process.stdio))


KEPT: list[object] = []


class Template:
    """A process that has imported what workers need, and forks one at each request."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            self._ours.close()
            serve(theirs)
            os._exit(0)
        theirs.close()
        self._ours.recv(1)  # it has imported

    def forked(self) -> Worker:
        child_cmd, cmd = Pipe(duplex=False)
        child_ctl, ctl = Pipe(duplex=False)
        stdio, child_stdio = Pipe(duplex=False)
        up, child_up = Pipe(duplex=True)
        theirs = [child_cmd, child_ctl, child_up, child_stdio]
        told = msgspec.msgpack.encode(spec())
        socket.send_fds(self._ours, [told], [c.fileno() for c in theirs])
        for connection in theirs:
            connection.close()
        pid = int.from_bytes(self._ours.recv(8), "little")
        ours = [cmd, ctl, up, stdio]
        KEPT.extend(ours)
        for connection in ours:
            os.set_blocking(connection.fileno(), False)
        return Worker(pid, (cmd.fileno(), ctl.fileno(), up.fileno(), stdio.fileno()))


def serve(asking: socket.socket) -> None:
    """The template's life."""
    import gc
    import signal

    import numpy as np

    import sswd.worker.main

    np.zeros(3).sum()
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    asking.send(b"1")
    while True:
        told, fds, _, _ = socket.recv_fds(asking, 1 << 20, 4)
        if not told:
            return
        pid = os.fork()
        if pid == 0:
            asking.close()
            decoded = msgspec.msgpack.decode(told, type=WorkerSpec)
            sswd.worker.main.main(decoded, *map(Connection, fds))
        for fd in fds:
            os.close(fd)
        asking.send(pid.to_bytes(8, "little"))


class Cost(NamedTuple):
    pss_mb: float
    cpu_s: float
    ready_s: float
    answer_s: float


def pss_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    (line,) = (x for x in text.splitlines() if x.startswith("Pss:"))
    return int(line.split()[1]) / 1024


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measured(start: Callable[[], Worker], n: int, template: int = 0) -> Cost:
    before_s = cpu_s(os.getpid()) + (cpu_s(template) if template else 0.0)
    begun_s = time.monotonic()
    workers = [start() for _ in range(n)]
    for worker in workers:
        worker.begin()
    for worker in workers:
        worker.until(Ready)
    ready_s = time.monotonic() - begun_s
    pids = [worker.pid for worker in workers]
    used_s = sum(map(cpu_s, pids)) + cpu_s(os.getpid()) - before_s
    used_s += cpu_s(template) if template else 0.0
    if template:
        pids.append(template)
    memory_mb = sum(map(pss_mb, pids))
    took = []
    for _ in range(AGAIN):
        begun_s = time.monotonic()
        worker = start()
        worker.begin()
        worker.until(Ready)
        worker.answer()
        took.append(time.monotonic() - begun_s)
        os.kill(worker.pid, 9)
    for worker in workers:
        os.kill(worker.pid, 9)
    return Cost(memory_mb, used_s, ready_s, statistics.median(took))


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 32
    template = Template()
    for name, start, pid in (
        ("spawn", spawned, 0),
        ("fork", template.forked, template.pid),
    ):
        cost = measured(start, n, pid)
        print(
            f"{name}: {n} workers {cost.pss_mb:.0f} MB PSS, {cost.cpu_s:.2f} s of CPU, "
            f"Ready after {cost.ready_s:.2f} s; launch to answer {cost.answer_s:.3f} s"
        )
    threads = len(list(Path(f"/proc/{template.pid}/task").iterdir()))
    print(f"the template alone has {threads} threads")


if __name__ == "__main__":
    main()
