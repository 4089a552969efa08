"""Levels of a worker's loggers: those of the configuration, and those that are set."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from sswd.errors import CommandRejected
from sswd.ioc import ca
from sswd.ioc.supervision.log_levels import MOST, LogLevels, levels_of_workers
from sswd.ioc.supervision.worker_pvs import WorkerStatus
from sswd.ioc.template import Server
from sswd.sizes import STATUS_BYTES


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


def levels_shown(status: WorkerStatus) -> str:
    return str(status.LOG_LEVELS.value)


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
    made.set("", "ERROR", "anna")
    assert made.set_levels[""] == "ERROR", "the root has its PV"


async def test_a_put_that_is_refused_is_no_alarm_of_other_pvs() -> None:
    """caproto has one alarm for all PVs of a group, and raises it."""
    server = Server("T:")

    def refuse(_text: str, _pv: str) -> None:
        raise CommandRejected("rejected")

    server.WORKER.set_level = refuse
    for data in (server.WORKER.LOG_LEVELS, server.LOCKING.LOCK):
        with pytest.raises(CommandRejected):
            await data.write("anna's")
    others = {**server.WORKER.pvdb, **server.LOCKING.pvdb}
    assert dict.fromkeys(others, 0) == {
        name: int(data.alarm.severity) for name, data in others.items()
    }


async def test_what_a_client_puts(caplog: Any) -> None:
    made, status = levels({})
    made.put(" mylab.stage   debug ", "WORKER:LOG_LEVELS")
    made.put("root CRITICAL", "WORKER:LOG_LEVEL")
    assert made.set_levels == {"mylab.stage": "DEBUG", "": "CRITICAL"}
    assert levels_shown(status) == "mylab.stage DEBUG, root CRITICAL"
    assert level_shown(status) == 4
    for text in ("", "DEBUG", "mylab.stage", "mylab.stage LOUD", "a\nb DEBUG"):
        with pytest.raises(CommandRejected, match="put a logger and a level"):
            made.put(text, "WORKER:LOG_LEVELS")
    assert "rejected: put a logger and a level, such as `mylab" in caplog.text
    with pytest.raises(CommandRejected, match="at most 200 bytes"):
        made.put("x" * 201 + " DEBUG", "WORKER:LOG_LEVELS")
    for number in range(MOST - 2):
        made.put(f"{number:0200} INFO", "WORKER:LOG_LEVELS")
    assert len(levels_shown(status)) == STATUS_BYTES, "what fits is shown"
    with pytest.raises(CommandRejected, match="have levels already"):
        made.put("one.more INFO", "WORKER:LOG_LEVELS")


async def test_a_new_run_does_not_undo_what_was_set_for_all_workers(
    caplog: Any,
) -> None:
    """`sswd level sswd.worker warning`, after a worker's own level."""
    made, _ = levels({"mylab.stage": "DEBUG"})
    caplog.set_level("WARNING", "sswd.worker")
    run: Any = Run()
    made.tell(run)
    assert logging.getLogger("sswd.worker").level == logging.WARNING
