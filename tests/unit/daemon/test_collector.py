"""The status is collected once, however many ask for it at a time."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sswd.control.status import Disk, IocStatus, SystemStatus
from sswd.ioc.daemon.control import status
from sswd.ioc.daemon.control.disk import Disks
from sswd.ioc.daemon.control.status import Collector
from tests.unit.control.test_outcome import RUNS
from tests.unit.daemon.test_findings import IOC


class Slow:
    """Disks that suspend who asks, as threads and even an empty gather do."""

    asked = 0

    async def ask(self) -> list[Disk]:
        self.asked += 1
        await asyncio.sleep(0)
        return [Disk(folder="/state", holds="post-mortems", free=9000.0)]


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The systems that were looked at, in order."""
    looked: list[object] = []

    def look(server: object) -> SystemStatus:
        looked.append(server)
        return RUNS

    def ioc(_collector: Collector, *_disks: Disk) -> IocStatus:
        return IOC

    monkeypatch.setattr(status, "_system", look)
    monkeypatch.setattr(Collector, "_ioc", ioc)
    monkeypatch.setattr(status, "PER_S", 1e-4)
    return looked


async def test_all_who_ask_in_one_turn_share_a_collection(
    collected: list[object],
) -> None:
    disks = Slow()
    api: Any = SimpleNamespace(servers=["one"])
    collector = Collector(api, cast("Disks", disks))
    told = await asyncio.gather(*(collector.collect() for _ in range(50)))
    assert all(each is told[0] for each in told)
    assert (disks.asked, collected) == (1, ["one"])
    collector.forget()
    await collector.collect()
    assert (disks.asked, collected) == (2, ["one", "one"])
