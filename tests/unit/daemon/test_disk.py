"""How much room is left: asked by a thread, which may not be had."""

import threading
from pathlib import Path

import pytest

from sswd.ioc.daemon.control.disk import DiskSpace


async def test_a_thread_that_cannot_be_had_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = DiskSpace(tmp_path / "not yet made")

    def fails(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as fault:
        fault.setattr(threading.Thread, "start", fails)
        assert await disk.free_mb() is None
    monkeypatch.setattr("sswd.ioc.daemon.control.disk.WAIT_S", 10.0)
    free_mb = await disk.free_mb()
    assert free_mb is not None
    assert free_mb > 0.0
