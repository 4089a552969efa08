"""Rows 3 and 4: the worker dies while commands wait, and in the middle of a message."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client import INVALID, Client, ca_is_up
from daemon import until
from served import served

from sswd.testing import Daemon

SOON_S = 5 * 0.2
"""Five times the 0.2 s in which a death is to be seen and told."""
CONFIG = """
prefix = "@"
[system.flush]
target = "deaths:Mortal"
prefix = "flush:"
args.journal = "FOLDER/flush"
[system.keep]
target = "deaths:Mortal"
prefix = "keep:"
args.journal = "FOLDER/keep"
command.on_restart = "keep"
[system.image]
target = "deaths:Photographer"
prefix = "image:"
args.journal = "FOLDER/image"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the journals: what really ran, written by the systems themselves."""
    return tmp_path_factory.mktemp("journals")


@pytest.fixture(scope="module")
def survivor(session_client: Client, folder: Path) -> Iterator[Daemon]:
    config = CONFIG.replace("FOLDER", str(folder))
    with served(config, session_client, ("flush:", "keep:", "image:")) as daemon:
        yield daemon


def start_queue(client: Client, prefix: str, texts: tuple[str, ...]) -> list[Any]:
    """Put the texts; the first one runs when this returns and the others wait."""
    client.wait_for(prefix + "WORKER:STATE", "RUNNING")
    client.get(prefix + "CMD")
    puts = [client.start_put(prefix + "CMD", text) for text in texts]
    client.wait_for(prefix + "QUEUE_LEN", len(texts) - 1)
    client.wait_for(prefix + "message", f"in {texts[0]}")
    return puts


TEXTS = ("sleep 60", "echo first", "echo second")


@pytest.mark.timing
@pytest.mark.row(3)
def test_killed_with_commands_queued_flush(
    survivor: Daemon, client: Client, folder: Path
) -> None:
    prefix = survivor.prefix + "flush:"
    puts = start_queue(client, prefix, TEXTS)
    state = client.monitor(prefix + "CMD_STATE")
    killed_s = time.monotonic()
    os.kill(client.get(prefix + "WORKER:PID"), signal.SIGKILL)

    assert [put.result(10.0) for put in puts] == [False, False, False]
    assert time.monotonic() - killed_s < SOON_S
    assert state.values[-3:] == ["LOST", "REJECTED", "REJECTED"]
    assert client.get(prefix + "QUEUE_LEN") == 0
    ca_is_up(survivor, client, "flush:")
    client.wait_for(prefix + "WORKER:STATE", "RUNNING")
    assert client.put(prefix + "CMD", "echo third")
    assert (folder / "flush").read_text().splitlines() == ["sleep 60", "echo third"]


@pytest.mark.row(3)
def test_killed_with_commands_queued_keep(
    survivor: Daemon, client: Client, folder: Path
) -> None:
    prefix = survivor.prefix + "keep:"
    puts = start_queue(client, prefix, TEXTS)
    os.kill(client.get(prefix + "WORKER:PID"), signal.SIGKILL)

    assert puts[0].result(10.0) is False
    assert client.get(prefix + "QUEUE_LEN") == 2
    assert [put.result(10.0) for put in puts[1:]] == [True, True]
    assert client.get(prefix + "message") == "second"
    assert (folder / "keep").read_text().splitlines() == list(TEXTS)


@pytest.mark.timing
@pytest.mark.row(4)
def test_killed_while_it_sends_50_mebibytes(
    survivor: Daemon, client: Client, folder: Path
) -> None:
    """The IOC is stopped, so that the pipe holds a part of the array for certain."""
    prefix = survivor.prefix + "image:"
    client.wait_for(prefix + "WORKER:STATE", "RUNNING")
    assert client.put(prefix + "CMD", "image 1")
    images = client.monitor(prefix + "IMAGE", count=2)
    pid = client.get(prefix + "WORKER:PID")
    put = client.start_put(prefix + "CMD", "image_to_nobody 2")
    client.wait_for(prefix + "message", "in image_to_nobody 2")
    survivor.process.send_signal(signal.SIGSTOP)
    try:
        journal = folder / "image"
        until(lambda: "is full" in journal.read_text(), "the pipe to be full")
        os.kill(pid, signal.SIGKILL)
    finally:
        survivor.process.send_signal(signal.SIGCONT)

    assert put.result(10.0) is False
    assert client.get(prefix + "CMD_STATE") == "LOST"
    lost = images.wait_for(lambda seen: seen.severity == INVALID)
    assert list(lost.value) == [1, 1]
    ca_is_up(survivor, client, "image:")
    client.wait_for(prefix + "WORKER:STATE", "RUNNING")
    assert client.put(prefix + "CMD", "image 3")
    assert images.wait_for(lambda seen: seen.value[0] == 3).severity == 0
    assert 2 not in [seen.value[0] for seen in images.seen]
