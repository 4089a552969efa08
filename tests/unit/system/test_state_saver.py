"""What changes is saved at the end too, and a disk that hangs delays the end no more
than it may."""

import asyncio
import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sswd.ioc.state.generations import Generations
from sswd.ioc.system import state_saver
from sswd.ioc.system.state_saver import StateSaver


class Values:
    """Stands for the publisher."""

    def __init__(self) -> None:
        self.setpoints: dict[str, Any] = {}
        self.shown: dict[str, Any] = {"COUNT": 0}

    def values_of(self, pvs: list[str]) -> dict[str, Any]:
        return {pv: self.shown[pv] for pv in pvs}


def saver_of(folder: Path, values: Values) -> StateSaver:
    error_pv: Any = SimpleNamespace(max_length=100)
    made = StateSaver("main", folder, "s", values, error_pv)  # type: ignore[arg-type]
    assert made.found("SPEED") is None
    made.watch("SPEED", shown=False)
    made.watch("COUNT", shown=True)
    return made


def saved(folder: Path) -> dict[str, object]:
    values = Generations(folder, "s").read().values
    return {pv: each.value for pv, each in values.items()}


def test_the_last_changes_are_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_saver, "LOOK_S", 3600.0)

    async def live() -> None:
        values = Values()
        saver = saver_of(tmp_path, values)
        values.setpoints["SPEED"] = 1.5
        saver.save()
        values.setpoints["SPEED"] = 2.5  # while the disk has the first
        values.shown["COUNT"] = 41
        await saver.close(time.monotonic() + 10.0)

    asyncio.run(live())
    assert saved(tmp_path) == {"SPEED": 2.5, "COUNT": 41}


def test_nothing_is_written_unless_something_changes(tmp_path: Path) -> None:
    async def live() -> None:
        values = Values()
        saver = saver_of(tmp_path, values)
        saver.save()
        values.shown["COUNT"] = 0
        await saver.close(time.monotonic() + 10.0)

    asyncio.run(live())
    assert list(tmp_path.glob("*.state")) == []


@pytest.mark.timing
def test_a_disk_that_hangs_delays_the_end_no_more_than_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    is_free = threading.Event()
    real = os.fsync

    def hangs(fd: int) -> None:
        is_free.wait(30.0)
        real(fd)

    monkeypatch.setattr("sswd.ioc.state.generations.os.fsync", hangs)

    async def live() -> tuple[StateSaver, float]:
        values = Values()
        saver = saver_of(tmp_path, values)
        values.setpoints["SPEED"] = 1.5
        begun_s = time.monotonic()
        await saver.close(begun_s + 0.1)  # the least is LAST_S
        return saver, time.monotonic() - begun_s

    saver, took_s = asyncio.run(live())
    assert 0.2 < took_s < 3.0
    assert "does not take the last changes in time" in caplog.text
    is_free.set()
    for thread in threading.enumerate():
        if thread.name == "sswd-state":
            thread.join(10.0)
    saver._generations.close()
