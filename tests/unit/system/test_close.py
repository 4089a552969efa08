"""Whether a system has left its hardware in order at its end, without a process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import cast

import pytest

from sswd.config import from_dict
from sswd.ioc.daemon.composed import compose
from sswd.ioc.process.bridge import Gone
from sswd.ioc.process.run import Run
from sswd.ioc.supervision.lifecycle import Event, Phase
from sswd.ioc.system.served_system import ServedSystem


class ParkRoutine:
    """A process that runs until it is said to be gone."""

    name, failed, killed_for = "one", None, ""

    def release(self) -> int:
        return 0


@pytest.fixture
async def parking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[ServedSystem, Callable[[], None]]]:
    """A system whose park routine runs, and what tells that this has ended."""
    run = cast("Run", ParkRoutine())
    monkeypatch.setattr(ServedSystem, "_launch_run", lambda *_: run)
    config = from_dict(
        {
            "state": {"directory": str(tmp_path)},
            "system": {"one": {"target": "a:B", "prefix": "L:", "park": "a:park"}},
        },
        "test",
    )
    composed = compose(config, tmp_path)
    served = composed.servers[0].compose()
    assert served is not None

    def end() -> None:
        served.supervisor.worker_events.gone(run, Gone([], 0.0))

    served.start(is_unparked=True)
    yield served, end
    if served.supervisor.holds:
        end()
        served.commands.close()
        served.posts.close()
    composed.guardian.close()


@pytest.mark.parametrize("is_hurried", [False, True])
async def test_hardware_is_in_order_when_its_park_routine_has_ended(
    parking: tuple[ServedSystem, Callable[[], None]], *, is_hurried: bool
) -> None:
    served, end = parking
    closing = asyncio.create_task(served.close())
    while served.supervisor.phase is not Phase.CLOSING_PARKING:
        await asyncio.sleep(0)
    if is_hurried:
        served.supervisor.feed(Event.STOP_OVERDUE)  # a second signal
    else:
        end()
    assert await closing is not is_hurried
