"""Row 35: shared memory that is not to be had, that is held by nobody after a death,
and that clients which never read do not keep from the others."""

import contextlib
import os
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from client import Client, ca_is_up, ca_port
from patched import patched
from served import assert_nothing_left, offspring, served
from systems import one_system, tables_of

from sswd.testing import Daemon

SIZE = tables_of("images").SIZE
HEADER = struct.Struct("!HHHHII")
VERSION, EVENT_ADD, CREATE_CHAN, EXTENDED = 0, 1, 18, 0xFFFF
CHAR = 4
STALLED = 6
FRAMES, HZ = 60, 20
CONFIG = one_system(
    "images:Camera", pvs=f'IMAGE = {{ type = "bytes", length = {SIZE} }}'
)


class Subscriber:
    """A raw client with a monitor on one image PV. It reads only what it is told to."""

    def __init__(self, pv: str, room: int) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self._socket.settimeout(10.0)
        self._socket.connect(("127.0.0.1", ca_port()))
        name = pv.encode() + b"\0"
        name += bytes(-len(name) % 8)
        self._socket.sendall(
            HEADER.pack(VERSION, 0, 0, 13, 0, 0)
            + HEADER.pack(CREATE_CHAN, len(name), 0, 0, 1, 13)
            + name
        )
        while (message := self._receive())[0] != CREATE_CHAN:
            pass
        mask = struct.pack("!fffHH", 0, 0, 0, 1, 0)
        request = HEADER.pack(EVENT_ADD, len(mask), CHAR, 0, message[1], 1)
        self._socket.sendall(request + mask)

    def _receive(self) -> tuple[int, int, bytes]:
        cmd, size, _, _, _, p2 = HEADER.unpack(self._exactly(HEADER.size))
        if size == EXTENDED:
            size, _ = struct.unpack("!II", self._exactly(8))
        return cmd, p2, self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        data = bytearray(size)
        view = memoryview(data)
        while view:
            n = self._socket.recv_into(view)
            assert n, "the server hung up"
            view = view[n:]
        return bytes(data)

    def frame(self) -> int:
        """The number that fills the next frame; 0: the empty one before the first."""
        _, _, body = self._receive()
        assert not body or body == body[:1] * SIZE, "half of one, half of another"
        return body[0] if body else 0

    def close(self) -> None:
        self._socket.close()


@contextlib.contextmanager
def subscriber(pv: str, room: int = 1 << 20) -> Iterator[Subscriber]:
    one = Subscriber(pv, room)
    try:
        yield one
    finally:
        one.close()


def shares_memory(pid: int) -> bool:
    """Whether it has a memfd of ours mapped."""
    with contextlib.suppress(OSError):
        return "memfd:sswd" in Path(f"/proc/{pid}/maps").read_text()
    return False


def take_frames(
    daemon: Daemon,
    client: Client,
    count: int,
    each: Callable[[int], object] = lambda _: None,
) -> list[int]:
    """What a healthy client sees of so many frames; `each` is called with each."""
    with subscriber(daemon.prefix + "IMAGE") as healthy:
        seen = [healthy.frame()]
        put = client.start_put(daemon.prefix + "CMD", f"{count} {HZ}")
        while seen[-1] != count:
            seen.append(healthy.frame())
            each(seen[-1])
        assert put.result(10.0)
    return seen[1:]


@pytest.mark.timing
@pytest.mark.row(35)
def test_six_subscribers_that_never_read_hold_up_nobody(client: Client) -> None:
    """Of 5 slots, which they would all hold, and all frames would take the long way."""
    with (
        served(CONFIG, client, command=patched("slots_only")) as daemon,
        contextlib.ExitStack() as stack,
    ):
        pv = daemon.prefix + "IMAGE"
        ioc = psutil.Process(daemon.pid)
        stalled: list[Subscriber] = []

        def one_more(frame: int) -> None:
            if frame % 5 == 0 and len(stalled) < STALLED:  # each holds another frame
                stalled.append(stack.enter_context(subscriber(pv, 4096)))

        before = ioc.memory_info().rss
        seen = take_frames(daemon, client, FRAMES, one_more)
        assert seen == list(range(1, FRAMES + 1))
        assert len(stalled) == STALLED
        assert ioc.memory_info().rss - before < (STALLED + 7) * SIZE
        ca_is_up(daemon, client)
        for one in stalled:  # full recovery: what was cut is whole, then the newest
            seen = [one.frame()]
            while seen[-1] != FRAMES:
                seen.append(one.frame())
            assert seen == sorted(seen)


@pytest.mark.row(35)
def test_a_daemon_that_is_killed_leaves_no_memory(client: Client) -> None:
    shm = Path("/dev/shm")
    with served(CONFIG, client) as daemon:
        there = sorted(shm.iterdir())
        take_frames(daemon, client, 3)
        holders = [p for p in offspring(daemon) if shares_memory(p.pid)]
        assert len(holders) == 2, "the IOC and its worker"
        assert sorted(shm.iterdir()) == there
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()
        assert_nothing_left(daemon)
        assert not any(shares_memory(p.pid) for p in holders)


@pytest.mark.timing
@pytest.mark.row(35)
@pytest.mark.parametrize(
    ("command", "words"),
    [
        (
            ("prlimit", f"--fsize={SIZE}", sys.executable, "-m", "sswd"),
            "no shared memory for IMAGE (File too large)",
        ),
        (
            patched("no_memory"),
            f"no shared memory for IMAGE ({os.strerror(28)})",
        ),
    ],
    ids=["none at all", "not enough"],
)
def test_without_shared_memory_frames_go_through_the_pipe(
    client: Client, command: tuple[str, ...], words: str
) -> None:
    with served(CONFIG, client, command=command) as daemon:
        assert take_frames(daemon, client, 20) == list(range(1, 21))
        assert words in daemon.log
        ca_is_up(daemon, client)
        os.kill(client.get(daemon.prefix + "WORKER:PID"), signal.SIGKILL)
        client.wait_for(daemon.prefix + "WORKER:RUN", 2)
        client.wait_for(daemon.prefix + "WORKER:STATE", "RUNNING")
        assert take_frames(daemon, client, 5) == [1, 2, 3, 4, 5]
        assert daemon.log.count("no shared memory") == 2, "once a run"


@pytest.mark.timing
@pytest.mark.row(35)
def test_memory_that_takes_long_to_allocate_holds_up_nobody(client: Client) -> None:
    """250 MiB take 200 ms; here 3 s, as on a host that has to find it first."""
    with served(CONFIG, client, command=patched("slow_memory")) as daemon:
        prefix = daemon.prefix
        with client.watching(prefix + "values") as watch:
            os.kill(client.get(prefix + "WORKER:PID"), signal.SIGKILL)
            client.wait_for(prefix + "WORKER:RUN", 2)
            client.wait_for(prefix + "WORKER:STATE", "RUNNING")
        watch.assert_up()
        assert take_frames(daemon, client, 5) == [1, 2, 3, 4, 5]
        assert any(shares_memory(p.pid) for p in offspring(daemon))


def test_the_reader_sees_frames_that_are_torn() -> None:
    """Or the tests above could not fail."""
    torn = bytes([1]) * (SIZE - 1) + bytes([2])
    header = HEADER.pack(EVENT_ADD, EXTENDED, CHAR, 0, 1, 1)
    ours, theirs = socket.socketpair()
    one = Subscriber.__new__(Subscriber)
    one._socket = ours
    message = header + struct.pack("!II", SIZE, SIZE) + torn
    sender = threading.Thread(target=theirs.sendall, args=(message,))
    with ours, theirs:
        sender.start()
        with pytest.raises(AssertionError, match="half of one"):
            one.frame()
        sender.join()
