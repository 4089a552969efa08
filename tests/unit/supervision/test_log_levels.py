"""Levels of a worker's loggers: those of the configuration, and those that are set."""

from types import SimpleNamespace
from typing import Any

from sswd.ioc import ca
from sswd.ioc.supervision.log_levels import MOST, LogLevels, levels_of_workers
from sswd.ioc.supervision.worker_pvs import WorkerStatus


class Run:
    """Keeps what is ordered."""

    loaded = object()

    def __init__(self) -> None:
        self.orders: list[Any] = []

    def order(self, message: Any) -> None:
        self.orders.append((message.logger, message.level))


def levels(configured: dict[str, str]) -> tuple[LogLevels, WorkerStatus]:
    status = WorkerStatus("W:")
    status.levels = levels_of_workers(configured)
    active: Any = SimpleNamespace(run=None)
    return LogLevels("s", status, active), status


def level_shown(status: WorkerStatus) -> int:
    return int(ca.newest(status.LOG_LEVEL)[0])


def test_which_of_the_configuration_are_for_workers() -> None:
    configured = {
        "sswd.ioc.ca": "WARNING",
        "caproto": "DEBUG",
        "root": "ERROR",
        "sswd.worker": "DEBUG",
        "mylab.stage": "INFO",
    }
    assert levels_of_workers(configured) == {"": "DEBUG", "mylab.stage": "INFO"}


async def test_each_run_is_told_those_of_the_configuration(caplog: Any) -> None:
    caplog.set_level("DEBUG", "sswd.worker")  # what `tell` sets is undone after it
    made, status = levels({"sswd.worker": "WARNING", "mylab.stage": "DEBUG"})
    run: Any = Run()
    made.tell(run)
    assert sorted(run.orders) == [("", 30), ("mylab.stage", 10)]
    assert level_shown(status) == 2
    made.set("", "ERROR", "anna")
    assert level_shown(status) == 3
    made.set("", "NOTSET", "anna")
    assert level_shown(status) == 2, "as at the start"


async def test_too_many_are_told(caplog: Any) -> None:
    made, _ = levels({f"x{number}": "INFO" for number in range(MOST + 1)})
    assert len(made.set_levels) == MOST
    assert f"[log] levels: 'x{MOST}': " in caplog.text
