"""What systemd is told, at a socket of ours."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sswd.ioc.daemon.systemd import VARIABLES, Systemd, status_line

OTHERS = {"PATH": "/bin"}


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(10.0)
        yield listening


@contextlib.contextmanager
def told_at(address: str, watchdog_us: str = "") -> Iterator[Systemd]:
    environ = {**OTHERS, "NOTIFY_SOCKET": address, "WATCHDOG_USEC": watchdog_us}
    systemd = Systemd(environ)
    assert not set(environ) & set(VARIABLES), "a worker would inherit them"
    yield systemd
    systemd.close()


async def received(listening: socket.socket) -> list[str]:
    data = await asyncio.to_thread(listening.recv, 4096)
    return data.decode().splitlines()


async def test_ready_then_the_status_as_it_changes(listening: socket.socket) -> None:
    states = {"stage": "STARTING"}
    with told_at(listening.getsockname()) as systemd:
        systemd.ready(lambda: states)
        assert await received(listening) == ["READY=1"]
        assert await received(listening) == ["STATUS=1 system: 1 STARTING (stage)"]
        states["stage"] = "RUNNING"
        assert await received(listening) == ["STATUS=1 system: 1 RUNNING"]
        systemd.stopping()
        assert await received(listening) == ["STOPPING=1"]


async def test_the_loop_feeds_the_watchdog(listening: socket.socket) -> None:
    with told_at(listening.getsockname(), "30000") as systemd:
        systemd.ready(dict)
        assert await received(listening) == ["READY=1"]
        assert await received(listening) == ["STATUS=no systems", "WATCHDOG=1"]
        for _ in range(3):
            assert await received(listening) == ["WATCHDOG=1"]


async def test_what_systemd_has_no_room_for_is_said_later(
    listening: socket.socket,
) -> None:
    states = {"stage": "STARTING"}
    with told_at(listening.getsockname(), "30000") as systemd:
        systemd.ready(lambda: states)
        while not systemd._unsent:  # its queue is full of WATCHDOG
            states["stage"] = f"{states['stage']}+"
            await asyncio.sleep(0.005)
        systemd.stopping()
        lines: list[str] = []
        while "STOPPING=1" not in lines:
            lines += await received(listening)
        assert lines[0] == "READY=1"


async def test_an_abstract_socket() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("")  # the kernel chooses an abstract name
        listening.settimeout(10.0)
        name = listening.getsockname().decode()
        with told_at("@" + name[1:]) as systemd:
            systemd.ready(dict)
            assert await received(listening) == ["READY=1"]


async def test_nobody_listens(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with told_at(str(tmp_path / "nobody"), "30000") as systemd:
        systemd.ready(dict)
        systemd.stopping()
    assert [r.message for r in caplog.records] == [
        "systemd cannot be told READY=1: [Errno 2] No such file or directory"
    ]


async def test_without_systemd_nothing_is_done() -> None:
    systemd = Systemd({})
    systemd.ready(dict)
    systemd.stopping()
    systemd.close()


def test_the_status_line_names_who_does_not_run() -> None:
    states = {f"s{i}": "RUNNING" for i in range(3)} | {"a": "BACKOFF", "b": "BACKOFF"}
    assert status_line(states) == "5 systems: 3 RUNNING, 2 BACKOFF (a, b)"
    many = {f"s{i}": "FATAL" for i in range(7)}
    assert status_line(many) == "7 systems: 7 FATAL (s0, s1, s2, s3, s4, ...)"
