"""Processes of a benchmark: on loopback, no real-time threads, each ended by pid."""

import contextlib
import os
import resource
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sswd.testing import free_port, loopback_env

REPOSITORY = Path(__file__).resolve().parent.parent
MAX_ARRAY_BYTES = 40 << 20
CAP_SYS_NICE = 1 << 23
STOP_S = 10.0


class BenchError(Exception):
    """A benchmark could not be run; the text says why and, if known, the mend."""


@dataclass(frozen=True)
class Cores:
    """On which cores server and client run; None: wherever the kernel puts them."""

    name: str
    server: int | None = None
    client: int | None = None


def cores_of(name: str) -> Cores:
    """The placement "free" or "split" (one core each). Raises BenchError."""
    if name == "free":
        return Cores(name)
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        raise BenchError("--cores split needs two cores, there is one")
    if shutil.which("taskset") is None:
        raise BenchError("--cores split needs taskset (package util-linux)")
    return Cores(name, available[0], available[1])


def forbid_realtime() -> None:
    """Make sure that no thread of ours, EPICS's in C above all, becomes SCHED_FIFO.

    As root those threads would preempt everything else and turn all comparisons.
    Raises BenchError when that cannot be had.
    """
    resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))
    if _holds_sys_nice() and shutil.which("setpriv") is None:
        raise BenchError(
            "running with CAP_SYS_NICE, which EPICS uses for real-time threads; "
            "install setpriv (package util-linux), or run as another user than root"
        )


def _holds_sys_nice() -> bool:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) & CAP_SYS_NICE)
    return False


def wrapped(command: Sequence[str], core: int | None) -> list[str]:
    """The command without CAP_SYS_NICE, dying with us, on one core if one is given."""
    prefix: list[str] = []
    if shutil.which("setpriv") is not None:
        prefix += ["setpriv", "--pdeathsig", "TERM"]
        if _holds_sys_nice():
            prefix += ["--bounding-set=-sys_nice", "--inh-caps=-sys_nice"]
    if core is not None:
        prefix += ["taskset", "-c", str(core)]
    return [*prefix, *command]


def environment() -> dict[str, str]:
    """Channel Access and pvAccess on 127.0.0.1 with free ports of their own."""
    port = free_port()
    pva = free_port()
    return {
        **os.environ,
        **loopback_env(port),
        "EPICS_CA_MAX_ARRAY_BYTES": str(MAX_ARRAY_BYTES),
        "EPICS_PVA_ADDR_LIST": "127.0.0.1",
        "EPICS_PVA_AUTO_ADDR_LIST": "NO",
        "EPICS_PVAS_INTF_ADDR_LIST": "127.0.0.1",
        "EPICS_PVAS_AUTO_BEACON_ADDR_LIST": "NO",
        "EPICS_PVAS_BEACON_ADDR_LIST": "127.0.0.1",
        "EPICS_PVAS_SERVER_PORT": str(pva),
        "EPICS_PVAS_BROADCAST_PORT": str(pva + 1),
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(
            filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
        ),
    }


class Child:
    """A process that writes to a log. With `talks`, stdin and stdout are pipes instead.

    Threading model: one thread.
    """

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        log: Path,
        core: int | None = None,
        talks: bool = False,
    ) -> None:
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                wrapped(command, core),
                env=dict(env),
                cwd=REPOSITORY,
                stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talks else output,
                stderr=output,
            )
        self._log = log
        self._pending = b""

    @property
    def pid(self) -> int:
        """Process id; setpriv and taskset leave theirs to the command."""
        return self.process.pid

    def write_line(self, text: str) -> None:
        """Send one line to its stdin. Raises BenchError when it has ended."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(text.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise BenchError(f"ended too early; {self.last_words()}") from None

    def last_words(self) -> str:
        """The end of what it, or another with the same log, wrote there."""
        text = self._log.read_text(errors="replace").strip()
        return f"its log ends:\n{text[-2000:]}" if text else "its log is empty"

    def read_line(self, timeout_s: float) -> str:
        """The next line of its stdout. Raises BenchError at its end or too late."""
        assert self.process.stdout is not None
        fd = self.process.stdout.fileno()
        until_s = time.monotonic() + timeout_s
        while b"\n" not in self._pending:
            left_s = until_s - time.monotonic()
            if left_s <= 0 or not select.select([fd], [], [], left_s)[0]:
                raise BenchError(f"silent for {timeout_s:g} s; {self.last_words()}")
            data = os.read(fd, 65536)
            if not data:
                raise BenchError(f"ended without a result; {self.last_words()}")
            self._pending += data
        line, _, self._pending = self._pending.partition(b"\n")
        return line.decode()

    def stop(self) -> None:
        """TERM, then KILL after STOP_S."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


def threads_of(pid: int) -> Iterator[int]:
    """The ids of all threads of a process."""
    with contextlib.suppress(FileNotFoundError):
        for entry in Path(f"/proc/{pid}/task").iterdir():
            yield int(entry.name)
