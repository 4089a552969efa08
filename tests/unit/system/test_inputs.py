"""Inputs on their way to the worker: the newest, one at a time, never too long."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from sswd.alarm import Severity, Status
from sswd.ioc.client.remote_pv import Update
from sswd.ioc.pvs.alarm_priority import Source
from sswd.ioc.system.inputs import TEXT_BYTES, Inputs, fitting_input
from sswd.pipe.codec import MessageEncoder
from sswd.pipe.protocol import CTL_MESSAGE_BYTES, Input
from sswd.worker.inputs import Inputs as WorkerInputs

LONGEST = "n" * 40


class FakePublisher:
    """Keeps the words of the alarms that are set."""

    def __init__(self) -> None:
        self.alarms: dict[str, str] = {}

    def set_alarm(self, pvs: list[str], source: Source, words: str) -> None:
        assert source is Source.INPUT_LOST
        self.alarms.update(dict.fromkeys(pvs, words))

    def clear_alarm(self, pvs: list[str], _source: Source) -> None:
        for pv in pvs:
            self.alarms.pop(pv, None)


class Bench:
    """Inputs whose PVs are what the test says."""

    def __init__(self) -> None:
        self.sent: list[Input] = []
        self.publisher = FakePublisher()
        self.inputs = Inputs(
            "stage",
            {"a": "X:A", "b": "X:B", LONGEST: "X:" + "p" * 58},
            self.sent.append,
            self.publisher,  # type: ignore[arg-type]
            lambda _name: None,
        )

    def update(self, key: str, value: Any, severity: int = 0, status: int = 0) -> None:
        self.inputs._updated(key, Update(value, status, severity, False, 1e9))

    def values(self) -> list[tuple[str, Any]]:
        found = [(message.name, message.value) for message in self.sent]
        self.sent.clear()
        return found


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.inputs.run_begins()
    assert len(made.sent) == 3
    made.sent.clear()
    return made


def test_newer_values_wait_until_the_worker_has_taken_one(bench: Bench) -> None:
    bench.inputs.taken(["a"])
    for number in range(1000):
        bench.update("a", number)
    bench.update("b", 5)  # its first is still on its way
    assert bench.values() == [("a", 0)]
    bench.inputs.taken(["a", "b"])
    assert bench.values() == [("a", 999), ("b", 5)]
    bench.inputs.taken(["a", "b"])
    assert bench.values() == []


def test_a_new_worker_gets_everything(bench: Bench) -> None:
    bench.update("a", 1)
    bench.values()
    bench.inputs.run_begins()
    assert bench.values()[:2] == [("a", 1), ("b", None)]


def test_a_pv_tells_which_of_its_inputs_is_lost(bench: Bench) -> None:
    alarms = bench.publisher.alarms
    bench.inputs.add_dependent("SUM", ["a", "b", "unknown"])
    assert alarms["SUM"] == "X:A is not connected; X:B is not connected"
    bench.update("a", 1)
    assert alarms["SUM"] == "X:B is not connected"
    bench.update("b", 1, Severity.MAJOR, Status.HIHI)
    assert not alarms
    bench.update("a", 2, Severity.INVALID, Status.COMM)
    assert alarms["SUM"] == "X:A is INVALID/COMM"
    bench.inputs._lost("a", "the server hung up")
    assert alarms["SUM"] == "X:A is lost: the server hung up"


@pytest.fixture
def worker() -> Iterator[WorkerInputs]:
    made = WorkerInputs(["a", LONGEST])
    yield made
    made.close()


@pytest.mark.parametrize(
    ("value", "severity", "status"),
    [
        (b"x" * 100_000, 0, 0),
        (b"\xff" * TEXT_BYTES, 0, 0),
        ("é" * (TEXT_BYTES // 2), 3, 21),
        (2**63 - 1, 3, 9),
        (np.zeros(5), 0, 0),
        (1.0, 99, 0),
        (1.0, 0, 999),
    ],
    ids=range(7),
)
def test_no_message_is_too_long_for_the_pipe(
    bench: Bench, worker: WorkerInputs, value: Any, severity: int, status: int
) -> None:
    """Whatever another server says, the worker can take it."""
    bench.inputs.taken([LONGEST])
    bench.update(LONGEST, value, severity, status)
    bench.inputs.taken([LONGEST])
    bench.inputs._lost(LONGEST, "é" * 1000)
    for message in bench.sent:
        assert sum(map(len, MessageEncoder().encode(message))) <= CTL_MESSAGE_BYTES
        worker.take(message)
    assert worker.changed() == [LONGEST]
    assert not worker[LONGEST].is_usable


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.5, 1.5),
        (np.int32(3), 3),
        (b"text", "text"),
        (b"\xff", "\ufffd"),
        ("text", "text"),
    ],
)
def test_what_an_input_holds(value: object, expected: object) -> None:
    assert fitting_input(value) == (expected, "")


def test_the_worker_tells_what_it_has_taken_and_names_what_it_has(
    worker: WorkerInputs,
) -> None:
    assert worker["a"].value is None
    assert not worker["a"].is_usable
    worker.take(Input("a", 1.5, Bench().inputs._newest["a"].alarm, 0.0))
    assert worker.taken() == ["a"]
    worker.told(["a"])
    assert worker.taken() == []
    with pytest.raises(KeyError, match="the inputs of this system are a, "):
        worker["b"]
