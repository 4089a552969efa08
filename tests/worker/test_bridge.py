"""The bridge between a real worker and the loop; no Channel Access."""

import asyncio
import os
import resource
import select
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from sswd.errors import UnsendableError
from sswd.ioc.process.bridge import Bridge, Gone
from sswd.ioc.process.queues import EventfdQueue
from sswd.pipe.codec import encoded
from sswd.pipe.launch import launch
from sswd.pipe.protocol import (
    Begin,
    Cancel,
    Execute,
    Finished,
    Grant,
    Loaded,
    Message,
    Ready,
    Restore,
    Rung,
    Stop,
)
from sswd.pipe.worker_spec import WorkerSpec

from .rig import DRIVERS, LIMIT_S, updates_of


class Bridged:
    """A worker with its bridge, and the test in the place of the loop."""

    def __init__(self, target: str, **spec: Any) -> None:
        self.up: EventfdQueue[Any] = EventfdQueue()
        self.commands: EventfdQueue[Any] = EventfdQueue()
        spec = {"name": "bridged", "folder": str(DRIVERS), **spec}
        self.process = launch(WorkerSpec(target=target, **spec))
        self.bridge = Bridge(self.process, "bridged", self.up.push_all)
        self.bridge.start()
        self.heard: list[Any] = []
        self.pending: list[Any] = []

    def wait(self, kind: type, test: Callable[[Any], bool] = lambda _: True) -> Any:
        poll = select.poll()
        poll.register(self.up.fileno(), select.POLLIN)
        if not self.bridge.is_up_closed:
            poll.register(self.process.up, select.POLLIN)
        until_s = time.monotonic() + LIMIT_S
        while time.monotonic() < until_s:
            self.up.clear_event()
            self.pending += self.bridge.receive()  # before what the thread has read
            while self.pending or len(self.up):
                message = self.pending.pop(0) if self.pending else self.up.take()
                self.heard.append(message)
                if isinstance(message, kind) and test(message):
                    return message
            poll.poll(100)
        raise AssertionError(f"no {kind.__name__}; heard {self.heard[-5:]}")

    def begin(self) -> "Bridged":
        self.wait(Loaded)
        self.bridge.order(Begin())
        self.commands.push(Restore({}))
        self.bridge.attach(self.commands)
        self.wait(Ready)
        return self

    def run(self, command_id: int, value: Any, pv: str = "CMD") -> Finished:
        self.commands.push(Execute(command_id, pv, encoded(value)))
        return self.wait(Finished, lambda m: m.id == command_id)

    def posted(self, pv: str) -> list[Any]:
        return [
            v
            for m in self.heard
            if isinstance(m, Message)
            for name, v in updates_of(m)
            if name == pv
        ]

    def close(self) -> None:
        self.process.kill_group()
        self.bridge.join(LIMIT_S)
        assert not self.bridge.is_alive()
        self.process.exit_code()
        self.process.close()
        self.up.close()
        self.commands.close()


@pytest.fixture
async def bridged() -> Any:
    """Makes bridged workers. On a loop, because queues want one."""
    made: list[Bridged] = []

    def make(target: str = "systems:Chameleon", **spec: Any) -> Bridged:
        made.append(Bridged(target, **spec))
        return made[-1]

    yield make
    for one in made:
        one.close()


async def test_it_carries_both_ways(bridged):
    one = bridged(args={"word": "hello"}).begin()
    assert one.run(1, "word").failure is None
    assert one.posted("message") == ["hello"]
    one.bridge.order(Stop())
    one.wait(Gone)
    assert one.process.exit_code() == 0
    assert one.posted("message") == ["hello", "closed"]


async def test_gone_is_the_last_word_and_comes_after_all_that_was_sent(bridged):
    one = bridged().begin()
    one.commands.push(Execute(1, "CMD", "ack"))
    one.commands.push(Execute(2, "CMD", "os_exit"))
    gone = one.wait(Gone)
    assert isinstance(one.heard[-1], Gone)
    assert any(isinstance(m, Finished) and m.id == 1 for m in one.heard)
    assert one.process.exit_code() == 3
    assert gone.tail == []
    assert not len(one.up)


async def test_the_last_output_comes_with_gone(bridged):
    one = bridged().begin()
    one.commands.push(Execute(1, "CMD", "segfault"))
    gone = one.wait(Gone)
    assert any("Segmentation fault" in line for line in gone.tail)


@pytest.mark.timing
async def test_gone_although_a_child_holds_the_pipes(bridged):
    """It left the group, so it survives; EOF would never come."""
    one = bridged().begin()
    one.run(1, "escapee")
    escapee = int(one.posted("message")[0])
    try:
        one.commands.push(Execute(2, "CMD", "os_exit"))
        begun_s = time.monotonic()
        one.wait(Gone)
        assert time.monotonic() - begun_s < 2.0
        assert one.process.exit_code() == 3
        os.kill(escapee, 0)
    finally:
        os.kill(escapee, signal.SIGKILL)


async def test_a_worker_that_closes_its_end_is_ended(bridged):
    one = bridged().begin()
    one.commands.push(Execute(1, "CMD", "close_up"))
    one.wait(Gone)
    assert one.process.exit_code() != 0


async def test_bytes_that_are_no_message_end_the_worker(bridged):
    one = bridged().begin()
    one.commands.push(Execute(1, "CMD", "garbage"))
    one.wait(Gone)
    assert one.process.exit_code() == -signal.SIGKILL


async def test_a_stopped_worker_does_not_hold_up_orders(bridged):
    """Nothing waits for room in a pipe; Gone still comes."""
    one = bridged().begin()
    os.kill(one.process.pid, signal.SIGSTOP)
    for i in range(2000):
        one.commands.push(Execute(i + 1, "CMD", "x" * 1000))
        one.bridge.order(Grant(1))
    async with asyncio.timeout(LIMIT_S):
        while len(one.commands):
            await asyncio.sleep(0.001)
    one.bridge.order(Cancel(1, Rung.FLAG))
    one.process.kill_group()
    one.wait(Gone)


async def test_a_command_longer_than_a_pipe_arrives_whole(bridged):
    one = bridged().begin()
    long = "x" * 500_000
    ended = one.run(1, long, pv="OTHER")
    assert ended.failure is None
    assert one.posted("message")[0].reason.startswith("text of 500")
    array = np.arange(300_000.0)
    one.run(2, array, pv="ARRAY")
    assert one.posted("message")[1].startswith("ARRAY ndarray")


@pytest.mark.parametrize(
    "value",
    ["caf\udce9", "µm", "\ud800", ["ok", "caf\udce9"], 1, 1.5, True, b"\xff", [1, 2]],
)
async def test_values_arrive_as_they_are(bridged, value):
    """Bytes of a client that are no UTF-8 come as surrogates; once they killed the
    bridge's thread."""
    one = bridged("systems:Asserting", args={"codes": _codes(value)}).begin()
    ended = one.run(1, value, pv="X")
    assert ended.failure is None


def _codes(value: Any) -> str:
    return ascii(value)


@pytest.mark.parametrize("value", [2**70, {1: object()}, object(), 1j, np.array("x")])
def test_what_cannot_be_sent_is_known_before(value):
    with pytest.raises(UnsendableError, match="cannot be sent to the worker"):
        encoded(value)


async def test_orders_after_the_end_do_nothing(bridged):
    """Its descriptor may be somebody else's by then."""
    one = bridged().begin()
    one.process.kill_group()
    one.wait(Gone)
    one.bridge.join(LIMIT_S)
    reader, writer = os.pipe()
    try:
        for _ in range(10):
            one.bridge.order(Grant(1))
        assert not select.select([reader], [], [], 0)[0]
    finally:
        os.close(reader)
        os.close(writer)


@pytest.fixture
def crowd() -> Iterator[None]:
    """So many descriptors are open that new ones are beyond what select() takes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    devnull = os.open(os.devnull, os.O_RDONLY)
    opened = [os.dup(devnull) for _ in range(1100)]
    yield
    for fd in (devnull, *opened):
        os.close(fd)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("part", ["reads", "writes", "waits"])
async def test_a_failure_in_the_bridge_ends_the_run(crowd, bridged, monkeypatch, part):
    """Without its bridge a run would be neither dead nor alive."""
    one = bridged().begin()

    def fail(*_: Any) -> None:
        raise MemoryError("no room")

    if part == "reads":
        monkeypatch.setattr(one.bridge._reader, "read", fail)
        one.commands.push(Execute(1, "CMD", "word"))
    elif part == "writes":
        monkeypatch.setattr(one.bridge._ctl, "send", fail)
        one.bridge.order(Grant(1))
    else:
        monkeypatch.setattr(one.bridge, "_turn", fail)
        one.commands.push(Execute(1, "CMD", "print"))
    one.wait(Gone)
    assert one.process.exit_code() == -signal.SIGKILL
    assert isinstance(one.heard[-1], Gone)
