"""Stacks come through the log, and from a worker whose driver logs without a pause."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from sswd.control.protocol import Stack, Stacks
from sswd.ioc.daemon.control import stacks
from sswd.ioc.daemon.control.log_ring import LogRing, log_ring
from sswd.ioc.process.output_log import OutputLog

WORKER = logging.getLogger("sswd.worker")
STUCK = b"Thread 0x1 [main]:\n  File stage.py, line 7 in read\n"


class Server:
    """One system, whose worker writes its stacks when it is asked to."""

    system_name = "stage"

    def __init__(self, stacks: bytes = STUCK) -> None:
        self._stacks = stacks

    def dump_stacks(self) -> None:
        OutputLog(WORKER, "stage").feed(self._stacks)


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch, caplog) -> Iterator[LogRing]:
    monkeypatch.setattr(stacks, "WAIT_S", 0.5)
    caplog.set_level(logging.INFO)
    with log_ring() as ring:
        yield ring


@contextlib.asynccontextmanager
async def chatter():
    """A driver that logs all the time, in its worker and so in the IOC."""

    async def log() -> None:
        while True:
            WORKER.info("worker 'stage' (run 1): mylab: still there")
            await asyncio.sleep(0.01)

    task = asyncio.create_task(log())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def told(ring: LogRing, server: Server) -> str:
    api = SimpleNamespace(log_ring=ring, servers=[server])
    async with asyncio.timeout(10):
        ioc, workers = await stacks.tell(api, Stack())  # type: ignore[arg-type]
    assert isinstance(ioc, Stacks)
    assert isinstance(workers, Stacks)
    assert "in told" not in workers.text
    return workers.text


async def test_a_driver_that_logs_all_the_time_is_told(ring) -> None:
    async with chatter():
        text = await told(ring, Server())
    assert text.splitlines() == [
        "worker stage: Thread 0x1 [main]:",
        "worker stage:   File stage.py, line 7 in read",
    ]


async def test_a_worker_that_writes_none_is_told(ring) -> None:
    async with chatter():
        assert await told(ring, Server(b"")) == "they write nothing"
