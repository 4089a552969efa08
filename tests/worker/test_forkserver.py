"""A fork server that does not fork: the worker is spawned, and the log tells why."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator

import pytest

from sswd.ioc.process.forkserver import ForkedProcess, ForkServer
from sswd.ioc.process.guardian import Guardian
from sswd.pipe.forkserver import ENTRY
from sswd.pipe.launch import WorkerProcess
from sswd.pipe.worker_spec import WorkerSpec

from .rig import DRIVERS

SPEC = WorkerSpec(
    name="w", target="systems:Chameleon", folder=str(DRIVERS), start="fork"
)
LIMIT_S = 20.0


@contextlib.asynccontextmanager
async def opened(entry: str = ENTRY) -> AsyncIterator[ForkServer]:
    guardian = Guardian()
    server = ForkServer(guardian, entry)
    try:
        await server.open()
        yield server
    finally:
        server.close()
        guardian.close()


def ended(process: WorkerProcess) -> WorkerProcess:
    process.kill()
    process.process.join()
    process.close()
    return process


def is_spawned(process: WorkerProcess) -> bool:
    return not isinstance(process.process, ForkedProcess)


def told(caplog: pytest.LogCaptureFixture) -> str:
    (record,) = [r for r in caplog.records if "is spawned, not forked" in r.message]
    return record.message


async def test_with_two_threads(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(DRIVERS)])
    async with opened("threaded_forkserver:main") as server:
        process = server.launch(SPEC)
        assert is_spawned(process)
        ended(process)
    assert told(caplog).endswith("The fork server: it has 2 threads")


async def test_that_cannot_begin(caplog: pytest.LogCaptureFixture) -> None:
    async with opened("no_such_module:main") as server:
        async with asyncio.timeout(LIMIT_S):
            while server.pid is not None:
                await asyncio.sleep(0.01)
        process = server.launch(SPEC)  # another one is tried
        assert is_spawned(process)
        ended(process)
    assert "it is importing still" in told(caplog)
    words = "the fork server exited with code 1; the workers go on"
    assert words in [record.message for record in caplog.records]


async def test_that_does_not_answer(caplog: pytest.LogCaptureFixture) -> None:
    """It is killed; its next one is ready for the next worker."""
    async with opened() as server:
        first = server.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        process = server.launch(SPEC)
        assert is_spawned(process)
        ended(process)
        assert "it gave no answer and was killed" in told(caplog)
        async with asyncio.timeout(LIMIT_S):
            while server.pid == first:
                await asyncio.sleep(0.01)
        assert server.pid is not None


async def test_whose_forks_go_to_process_1(caplog: pytest.LogCaptureFixture) -> None:
    """As where nobody adopts orphans: the fork sees a stranger as its parent, ends."""
    async with opened() as server:
        process = server.launch(SPEC)
        assert is_spawned(process)
        ended(process)
    assert "its forks do not become our children" in told(caplog)
