"""Stacks come from what a worker writes, whatever the log makes of it."""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from sswd.control.protocol import MAX_ANSWER, Stack, Stacks, line_of
from sswd.ioc.daemon.control import stacks
from sswd.ioc.process.output_log import Heard, OutputLog

WORKER = logging.getLogger("sswd.worker")
STUCK = b"Thread 0x1 [main]:\n  File stage.py, line 7 in read\n"
IDLE = b"".join(
    b"Thread 0x%x:\n  File queue.py, line 171 in get\n" % i for i in range(99)
)


class Worker:
    """Of one system; it writes its stacks when it is asked to."""

    def __init__(self, stacks: bytes = STUCK, name: str = "stage") -> None:
        self._stacks = stacks
        self._output = OutputLog(WORKER, name)
        self.system_name = name
        self.served: Any = SimpleNamespace(supervisor=self)

    def dump_stacks(self, heard: Heard) -> bool:
        self._output.hear(heard)
        self._output.feed(self._stacks)
        return True


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacks, "WAIT_S", 0.5)


async def told(*workers: Worker) -> list[str]:
    api: Any = SimpleNamespace(servers=workers)
    async with asyncio.timeout(60):
        ioc, text = await stacks.tell(api, Stack())
    assert isinstance(ioc, Stacks)
    assert isinstance(text, Stacks)
    assert "in told" not in text.text
    assert len(line_of(text)) < MAX_ANSWER
    return text.text.splitlines()


@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING])
async def test_of_each_worker_whatever_the_level_is(
    caplog: pytest.LogCaptureFixture, level: int
) -> None:
    caplog.set_level(level)
    assert await told(Worker(), Worker(b"Thread 0x2:\n", "oven")) == [
        "worker stage: Thread 0x1 [main]:",
        "worker stage:   File stage.py, line 7 in read",
        "worker oven: Thread 0x2:",
    ]


async def test_all_of_many_threads_that_wait_as_often_as_it_is_asked() -> None:
    worker = Worker(IDLE * 3)
    for _ in range(3):
        assert len(await told(worker)) == IDLE.count(b"\n") * 3


async def test_two_who_ask_at_once_are_both_told() -> None:
    worker = Worker()
    one, other = await asyncio.gather(told(worker), told(worker))
    assert set(one) == set(other) != set()


async def test_what_is_too_long_is_cut_and_that_is_told() -> None:
    lines = await told(Worker((b"\x01" * 1999 + b"\n") * 1000))
    assert lines[-1] == "worker stage: ... (cut)"
    assert len(lines) == stacks.MAX_BYTES // 2000 + 1


async def test_a_worker_that_writes_none_is_told() -> None:
    assert await told(Worker(b"")) == [
        "worker stage: it was asked, and has written nothing for 0.5 s"
    ]


async def test_a_system_without_a_process_is_told() -> None:
    without, unserved = Worker(), Worker(name="oven")
    without.served = SimpleNamespace(
        supervisor=SimpleNamespace(dump_stacks=lambda _heard: False)
    )
    unserved.served = None
    assert await told(without, unserved) == [
        f"worker {name}: there is no process, or it has only begun"
        for name in ("stage", "oven")
    ]


def test_who_hears_no_more_keeps_nothing() -> None:
    output = OutputLog(WORKER, "stage")
    heard = Heard(100)
    output.hear(heard)
    output.feed(b"one\n")
    assert heard.end() == ["one"]
    output.feed(b"two\n")
    output.hear(Heard(100))
    assert heard.end() == ["one"]
    assert heard not in output._hearers
