"""Rows 25 to 27: puts in a row, too many of them, and one whose client goes away."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import caproto
import psutil
import pytest
from client import Client, ca_is_up, ca_port
from daemon import until
from systems import MISBEHAVING, one_system

from sswd.testing import Daemon, running_daemon

QUEUE = 64
MANY = 10_000


class Book:
    """The journal that the system writes: what really ran."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def numbers(self, word: str) -> list[int]:
        """The commands that have this word in the journal, in order."""
        lines = [line.split() for line in self.path.read_text().splitlines()]
        return [int(line[2]) for line in lines if line[1] == word]


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path / "journal")


@pytest.fixture
def daemon(book: Book) -> Iterator[Daemon]:
    config = one_system(
        "journal:Journal",
        args=f'path = "{book.path}"',
        command=f"queue = {QUEUE}",
        restart="stall_s = 60.0",
    )
    with running_daemon(config=config, folder=MISBEHAVING, port=ca_port()) as daemon:
        yield daemon


@pytest.mark.row(25)
def test_two_puts_of_which_the_first_is_slow(
    daemon: Daemon, client: Client, book: Book
) -> None:
    """caproto alone ran them at the same time, and the older value won."""
    cmd = daemon.prefix + "CMD"
    ended: list[int] = []
    client.get(cmd)
    puts = [client.start_put(cmd, text) for text in ("-1 300", "2", "3 20", "-4", "5")]
    for number, put in enumerate(puts, 1):
        put.add_done_callback(lambda _put, n=number: ended.append(n))
    assert [put.result(10.0) for put in puts] == [False, True, True, False, True]
    assert ended == [1, 2, 3, 4, 5]
    assert book.numbers("start") == [-1, 2, 3, -4, 5]
    assert client.get(daemon.prefix + "values")[0] == 5.0
    assert client.get(cmd) == "5"


@pytest.mark.row(25)
def test_puts_of_two_clients_run_one_after_the_other(
    daemon: Daemon, client: Client, book: Book
) -> None:
    first = client.start_put(daemon.prefix + "CMD", "1 300")
    until(lambda: book.numbers("start") == [1], "the first to start")
    assert daemon.put("CMD", "2")  # a circuit of its own
    until(first.done, "the first to be answered, which was before")
    assert book.numbers("start") == [1, 2]


@pytest.mark.timing
@pytest.mark.row(26)
def test_ten_thousand_puts_while_the_worker_is_stopped(
    daemon: Daemon, client: Client, book: Book
) -> None:
    prefix = daemon.prefix
    client.get(prefix + "CMD")
    ioc = psutil.Process(daemon.pid)
    before = ioc.memory_info().rss
    worker = client.get(prefix + "WORKER:PID")
    os.kill(worker, signal.SIGSTOP)

    puts = [client.start_put(prefix + "CMD", str(n)) for n in range(1, MANY + 1)]
    refused = puts[1 + QUEUE :]
    assert not any(put.result(30.0) for put in refused)
    assert not any(put.done() for put in puts[: 1 + QUEUE])
    assert client.get(prefix + "QUEUE_LEN") == QUEUE
    assert client.get(prefix + "CMD_STATE") == "REJECTED"
    assert f"queue full: {QUEUE} commands wait" in client.get(prefix + "CMD_ERROR")
    ca_is_up(daemon, client)  # new clients as well
    assert ioc.memory_info().rss - before < 20e6

    os.kill(worker, signal.SIGCONT)
    assert all(put.result(30.0) for put in puts[: 1 + QUEUE])
    assert book.numbers("end") == list(range(1, 2 + QUEUE))
    assert daemon.log.count("queue full") < 300


@pytest.mark.timing
@pytest.mark.row(27)
def test_a_client_that_goes_away_during_its_put(
    daemon: Daemon, client: Client, book: Book
) -> None:
    prefix = daemon.prefix
    with pytest.raises((TimeoutError, caproto.CaprotoTimeoutError)):
        daemon.put("CMD", "7 1000", timeout_s=0.5)  # hangs up after that
    assert client.get(prefix + "CMD_STATE") == "RUNNING"
    ca_is_up(daemon, client)
    client.wait_for(prefix + "CMD_STATE", "DONE")
    assert book.numbers("end") == [7]
    assert client.get(prefix + "ACK") == "1"
    assert client.get(prefix + "values")[0] == 7.0
    assert client.put(prefix + "CMD", "8")
