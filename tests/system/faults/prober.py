"""How long Channel Access takes to answer, asked by a process that does nothing else.

The test's own process may be busy with its monitors. The prober speaks CA by itself:
every PERIOD_S one get on a circuit that was there before, and one by a client that
comes anew (search by UDP, connect, create the channel, get).

As a program, `python prober.py PORT PV`: prints one line "old new" in seconds for each
round until its standard input ends.
"""

import contextlib
import select
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Iterator

PERIOD_S = 0.01
TIMEOUT_S = 20.0
UP_S = 0.05
HELD_UP_S = 2.0
HEADER = struct.Struct(">HHHHII")
VERSION, SEARCH, READ_NOTIFY, CREATE_CHAN = 0, 6, 15, 18
MINOR, TIME_LONG = 13, 19


class Answers:
    """What a prober measured, in seconds."""

    def __init__(self) -> None:
        self.old_s: list[float] = []
        self.new_s: list[float] = []

    def assert_up(self) -> None:
        """Half of the answers came within UP_S, and none was held up for HELD_UP_S.

        This host has more to do than the test, and each answer takes some turns of
        three processes. An IOC that waits for its worker is late by the time that the
        fault lasts, which must be above HELD_UP_S.
        """
        assert min(len(self.old_s), len(self.new_s)) > 10
        for took_s in (self.old_s, self.new_s):
            assert statistics.median(took_s) < UP_S, str(self)
            assert max(took_s) < HELD_UP_S, str(self)

    def __str__(self) -> str:
        return f"old circuits: {_told(self.old_s)}; new ones: {_told(self.new_s)}"


def _told(took_s: list[float]) -> str:
    hundredths = statistics.quantiles(took_s, n=100)
    p50, p90, p99 = (hundredths[n - 1] * 1e3 for n in (50, 90, 99))
    worst = max(took_s) * 1e3
    return (
        f"{len(took_s)} gets, p50 {p50:.2f} p90 {p90:.1f} p99 {p99:.1f} "
        f"max {worst:.0f} ms"
    )


@contextlib.contextmanager
def probing(port: int, pv: str) -> Iterator[Answers]:
    """Ask while the block runs; the answers are complete after it."""
    answers = Answers()
    with subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, str(port), pv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "connected\n"
        yield answers
        process.stdin.close()
        for line in process.stdout:
            old_s, new_s = map(float, line.split())
            answers.old_s.append(old_s)
            answers.new_s.append(new_s)
    assert process.returncode == 0


def padded(name: str) -> bytes:
    """A NUL at the end, and a length that is a multiple of 8."""
    text = name.encode() + b"\0"
    return text + bytes(-len(text) % 8)


class Circuit:
    """A connection with one channel."""

    def __init__(self, address: tuple[str, int], pv: str) -> None:
        self._socket = socket.create_connection(address, TIMEOUT_S)
        self._rest = b""
        name = padded(pv)
        self._socket.sendall(
            HEADER.pack(VERSION, 0, 0, MINOR, 0, 0)
            + HEADER.pack(CREATE_CHAN, len(name), 0, 0, 1, MINOR)
            + name
        )
        self._sid = self._answer(CREATE_CHAN)[5]

    def get(self) -> None:
        """Ask for the value, and wait for it."""
        request = HEADER.pack(READ_NOTIFY, 0, TIME_LONG, 1, self._sid, 7)
        self._socket.sendall(request)
        self._answer(READ_NOTIFY)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _answer(self, command: int) -> tuple[int, ...]:
        while True:
            while len(self._rest) >= HEADER.size:
                header = HEADER.unpack_from(self._rest)
                size = HEADER.size + header[1]
                if len(self._rest) < size:
                    break
                self._rest = self._rest[size:]
                if header[0] == command:
                    return header
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionError("the server hung up")
            self._rest += data


def found(port: int, pv: str) -> tuple[str, int]:
    """Where a search by UDP finds the PV."""
    name = padded(pv)
    request = HEADER.pack(VERSION, 0, 0, MINOR, 0, 0) + HEADER.pack(
        SEARCH, len(name), 5, MINOR, 1, 1
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(TIMEOUT_S)
        udp.sendto(request + name, ("127.0.0.1", port))
        while True:
            data = udp.recv(65536)
            while len(data) >= HEADER.size:
                command, size, tcp_port, *_ = HEADER.unpack_from(data)
                if command == SEARCH:
                    return "127.0.0.1", tcp_port
                data = data[HEADER.size + size :]


def main() -> None:
    """Ask until the standard input ends, then tell."""
    port, pv = int(sys.argv[1]), sys.argv[2]
    old = Circuit(found(port, pv), pv)
    old.get()
    print("connected", flush=True)
    lines = []
    while not select.select([sys.stdin], [], [], PERIOD_S)[0]:
        begun_s = time.monotonic()
        old.get()
        old_s = time.monotonic() - begun_s
        begun_s = time.monotonic()
        new = Circuit(found(port, pv), pv)
        new.get()
        lines.append(f"{old_s:.6f} {time.monotonic() - begun_s:.6f}")
        new.close()
    print("\n".join(lines), flush=True)


if __name__ == "__main__":
    main()
