"""A RecCeiver is told the PVs, those that come later too, and again when it is back."""

import asyncio
import contextlib
import logging
import socket
import struct
import sys
from pathlib import Path

import caproto
import pytest

from sswd.ioc.daemon.recsync import caster as caster_module
from sswd.ioc.daemon.recsync import messages
from sswd.ioc.daemon.recsync.caster import Caster
from sswd.ioc.daemon.recsync.messages import Announcement
from sswd.ioc.daemon.recsync.records import infos
from sswd.testing import free_port

sys.path.insert(0, str(Path(__file__).parent))
from receiver import KEY, Receiver, receiving


def channel(record: str, about: str = "") -> caproto.ChannelData:
    made = caproto.ChannelDouble(value=1.0, reported_record_type=record)
    made.__doc__ = about
    return made


@contextlib.asynccontextmanager
async def casting(pvdb, monkeypatch):
    """(the caster, its UDP port); it listens already."""
    monkeypatch.setattr(caster_module, "AGAIN_S", 0.01)
    monkeypatch.setattr(caster_module, "LOOK_S", 0.01)
    port = free_port()
    caster = Caster(pvdb, lambda: {"IOCNAME": "lab"}, port=port)
    task = asyncio.create_task(caster.run())
    try:
        yield caster, port
    finally:
        task.cancel()
        await asyncio.wait({task})


async def announced(receiver: Receiver, port: int, connections: int) -> None:
    """Announce, as often as it takes, until there are so many connections."""
    async with asyncio.timeout(10):
        while len(receiver.greetings) < connections:
            receiver.announce(port)
            await asyncio.sleep(0.02)


async def test_a_receiver_is_told_everything(monkeypatch, caplog) -> None:
    caplog.set_level(logging.INFO)
    one = channel("ao", "A set\n  point")
    pvdb = {"L:one": one, "L:two": channel("waveform"), "L:same": one, "L:one.EGU": one}
    async with receiving() as receiver, casting(pvdb, monkeypatch) as (caster, port):
        await announced(receiver, port, 1)
        await receiver.until(lambda: receiver.uploads)
        assert receiver.greetings == [KEY]
        assert receiver.records == {1: ("ao", "L:one"), 2: ("waveform", "L:two")}
        assert receiver.aliases == [(1, "L:same")]
        assert receiver.infos == {
            0: {"IOCNAME": "lab"},
            1: {"recordDesc": "A set point"},
        }
        receiver.ping(77)
        await receiver.until(lambda: receiver.pongs == [77])
        assert caster.is_synchronized
        pvdb["L:new"] = channel("ai")
        await receiver.until(lambda: 3 in receiver.records)
        assert receiver.records[3] == ("ai", "L:new")
        assert receiver.uploads == 1
    assert f"RecSync: 127.0.0.1:{receiver.port} knows 3 PVs" in caplog.text


async def test_a_receiver_that_is_back_is_told_again(monkeypatch, caplog) -> None:
    pvdb = {"L:one": channel("ao")}
    async with receiving() as receiver, casting(pvdb, monkeypatch) as (caster, port):
        for count in (1, 2):
            await announced(receiver, port, count)
            await receiver.until(lambda n=count: receiver.uploads == n)
            receiver.hang_up()
            async with asyncio.timeout(10):
                while caster.is_synchronized:
                    await asyncio.sleep(0.01)
    assert caplog.text.count("has hung up; waiting for the next announcement") >= 1


async def test_many_pvs_are_told_in_portions(monkeypatch) -> None:
    monkeypatch.setattr(caster_module, "PORTION", 10)
    pvdb = {f"L:{n}": channel("ai") for n in range(95)}
    async with receiving() as receiver, casting(pvdb, monkeypatch) as (_, port):
        await announced(receiver, port, 1)
        await receiver.until(lambda: receiver.uploads)
        assert len(receiver.records) == 95


async def test_who_is_no_receiver_is_told_once_and_harms_nobody(
    monkeypatch, caplog
) -> None:
    served = 0

    async def nonsense(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        nonlocal served
        served += 1
        writer.write(b"SSH-2.0-somebody\r\n")
        await reader.read()
        writer.transport.abort()

    server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
    other = Receiver(port=server.sockets[0].getsockname()[1])
    pvdb = {"L:one": channel("ao")}
    async with server, casting(pvdb, monkeypatch) as (_, port):
        async with asyncio.timeout(10):
            while served < 3:
                other.announce(port)
                await asyncio.sleep(0.02)
    assert caplog.text.count("no message of RecSync") == 1


async def test_datagrams_of_others_leave_the_loop_free(monkeypatch) -> None:
    """However many wait, others have a turn between any two of them."""
    turn, turns = 0, []
    heard = messages.announcement

    def noted(data: bytes, sender: str) -> Announcement | None:
        turns.append(turn)
        return heard(data, sender)

    async def count_turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(messages, "announcement", noted)
    counting = asyncio.create_task(count_turns())
    try:
        async with casting({}, monkeypatch) as (_, port), asyncio.timeout(10):
            while len(turns) < 10:
                for _ in range(20):
                    send(b"noise", port)
                await asyncio.sleep(0.02)
    finally:
        counting.cancel()
        await asyncio.wait({counting})
    assert len(set(turns)) == len(turns)


def send(data: bytes, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(data, ("127.0.0.1", port))


# ---- bytes


def datagram(magic=b"RC", version=0, host=b"\xff" * 4, port=5050, key=9) -> bytes:
    return messages.ANNOUNCEMENT.pack(magic, version, host, port, key)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (datagram(), Announcement("9.9.9.9", 5050, 9)),
        (datagram(host=b"\x0a\0\0\7"), Announcement("10.0.0.7", 5050, 9)),
        (datagram() + b"more", Announcement("9.9.9.9", 5050, 9)),
        (datagram(magic=b"XX"), None),
        (datagram(version=1), None),
        (datagram(port=0), None),
        (datagram()[:15], None),
        (b"", None),
    ],
)
def test_announcements(data: bytes, found: Announcement | None) -> None:
    assert messages.announcement(data, "9.9.9.9") == found


@pytest.mark.parametrize(
    "data", [b"XX\0\1\0\0\0\0", struct.pack("!2sHI", b"RC", 1, 1 << 20)]
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no message of RecSync"):
        messages.header(data)


def test_infos_of_the_configuration_win_over_those_of_the_environment() -> None:
    env = {"ENGINEER": "Env", "LOCATION": "Hall", "HOME": "/root"}
    told = infos({"ENGINEER": "Ada"}, env, prefix="LAB:", port=5064)
    assert told["ENGINEER"] == "Ada"
    assert told["LOCATION"] == "Hall"
    assert told["IOCNAME"] == "LAB"
    assert told["RSRV_SERVER_PORT"] == "5064"
    assert told["HOSTNAME"] == socket.gethostname()
    assert "HOME" not in told


def test_infos_are_told_where_the_working_directory_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert infos({}, {}, prefix="LAB:", port=5064)["PWD"] == "/"
    assert infos({}, {"PWD": "/srv"}, prefix="LAB:", port=5064)["PWD"] == "/srv"
