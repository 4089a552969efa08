"""A whole system in this process, with real workers, but no Channel Access."""

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sswd.config.keys import CommandConfig, RestartConfig, SystemConfig
from sswd.errors import CommandAborted, CommandLost, CommandRejected
from sswd.ioc.process.bridge import Bridge
from sswd.ioc.supervision import lifecycle
from sswd.ioc.supervision.lifecycle import Action, Event, Phase, WorkerState
from sswd.ioc.system.served_system import ServedSystem
from sswd.ioc.template import Server
from sswd.pipe.launch import WorkerProcess, launch
from sswd.pipe.protocol import WorkerSpec

from .rig import DRIVERS, LIMIT_S


class Served:
    """A template with its system."""

    def __init__(self, folder: Path = DRIVERS, **config: Any) -> None:
        config.setdefault("target", "systems:Chameleon")
        self.launches, self.may_launch = 0, True
        self.server = Server("T:", name="served")
        self.server.configure(
            system=SystemConfig(**config), folder=folder, launch=self.launch
        )
        system = self.server.compose()
        assert system is not None
        self.system: ServedSystem = system

    def launch(self, spec: WorkerSpec, *, memory: int | None = None) -> WorkerProcess:
        self.launches += 1
        if not self.may_launch:
            raise OSError("no process to be had")
        return launch(spec, memory=memory)

    @property
    def state(self) -> WorkerState:
        return self.system.supervisor.phase.state

    async def until(self, test: Any) -> None:
        until_s = time.monotonic() + LIMIT_S
        while not test():
            assert time.monotonic() < until_s, self.system.supervisor.phase
            await asyncio.sleep(0.005)

    async def started(self) -> "Served":
        self.system.start()
        await self.until(lambda: self.state is WorkerState.RUNNING)
        return self

    def feed(self, event: Event) -> None:
        self.system.supervisor.feed(event)

    @property
    def active(self) -> Any:
        return self.system.supervisor._active.run

    @property
    def standby(self) -> Any:
        return self.system.supervisor._processes.standby._run


@pytest.fixture
async def served(tmp_path, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    made: list[Served] = []

    def make(**config: Any) -> Served:
        made.append(Served(**config))
        return made[-1]

    yield make
    for one in made:
        await one.server.close()


async def test_a_command(served):
    one = await served(args={"word": "hello"}).started()
    await one.server.system_io_execute("CMD", "word")
    assert one.server.message.value == "hello"


async def test_puts_wait_for_the_very_first_start(served):
    one = served()
    one.system.start()
    command = asyncio.ensure_future(one.server.system_io_execute("CMD", "nothing"))
    await asyncio.wait_for(command, LIMIT_S)


async def test_a_death_is_told_and_healed(served):
    one = await served(restart=RestartConfig(delay_s=0.01)).started()
    pid = one.active.pid
    with pytest.raises(CommandLost, match="exited with code 3"):
        await one.server.system_io_execute("CMD", "os_exit")
    await one.until(lambda: one.state is WorkerState.RUNNING)
    assert one.active.pid != pid
    assert one.server.WORKER.RUN.value == 2


async def test_every_action_of_the_table_is_performed(served):
    assert set(served().system.supervisor._actions()) == set(Action)


async def test_close_leaves_nothing_of_a_standby_that_is_slow_to_go(
    served, monkeypatch
):
    """Its bridge must not meet closed queues, its process must be reaped."""
    one = await served(standby=True).started()
    await one.until(lambda: one.standby is not None and one.standby.loaded)
    standby = one.standby
    last_words = Bridge._last_words

    def slow(bridge: Bridge) -> None:
        if bridge is standby.bridge:
            time.sleep(0.15)
        last_words(bridge)

    monkeypatch.setattr(Bridge, "_last_words", slow)
    await one.server.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("sswd-bridge")]
    assert standby.process.exited == -1  # given back


async def test_who_is_dead_but_not_judged_is_not_unkillable(
    served, monkeypatch, caplog
):
    """On a busy host the bridge may take longer than KILL_S to drain the pipe."""
    one = await served().started()
    last_words = Bridge._last_words

    def slow(bridge: Bridge) -> None:
        time.sleep(0.4)
        last_words(bridge)

    monkeypatch.setattr(lifecycle, "KILL_S", 0.1)
    monkeypatch.setattr(Bridge, "_last_words", slow)
    one.system.supervisor._active.kill("this test wants it")
    await one.until(lambda: one.active is None)
    assert "does not die of SIGKILL" not in caplog.text
    assert "was killed by SIGKILL" in caplog.text
    await one.server.close()


@pytest.mark.parametrize("say", [Event.STOP, Event.RESTART, Event.START])
async def test_close_in_the_middle_of_a_start(served, say):
    one = served()
    one.system.start()
    await one.until(lambda: one.active is not None)
    assert one.state is WorkerState.STARTING
    one.feed(say)
    await one.server.close()
    assert one.system.supervisor.phase is Phase.CLOSED


async def test_close_twice_and_without_a_start(served):
    one = served()
    await one.server.close()
    await one.server.close()


async def test_close_tells_who_waits(served):
    one = await served().started()
    commands = [
        asyncio.ensure_future(one.server.system_io_execute("CMD", text))
        for text in ("our_sleep", "nothing")
    ]
    await one.until(lambda: one.server.message.value == "in")
    await one.server.close()
    first, second = await asyncio.gather(*commands, return_exceptions=True)
    assert isinstance(first, CommandAborted)
    assert "the IOC shuts down" in str(first)
    assert isinstance(second, CommandRejected)


async def test_values_that_no_worker_can_take_are_refused(served):
    one = await served().started()
    for value in (object(), 2**70, {1: 2j}):
        with pytest.raises(CommandRejected, match="cannot be sent"):
            await one.server.system_io_execute("CMD", value)
    await one.server.system_io_execute("CMD", "nothing")


async def test_bytes_that_are_no_utf8_reach_the_system(served):
    one = await served(target="systems:Classic").started()
    await one.server.system_io_execute("CMD", "caf\udce9")
    assert "636166e9" in one.server.message.value


async def test_a_value_that_does_not_fit_the_pv_of_its_name_runs_all_the_same(served):
    """A putter of one's own may forward what it likes under any name."""
    one = await served().started()
    await one.server.system_io_execute("values", "no numbers")
    assert "no numbers" in one.server.message.value


async def test_commands_by_hand(served):
    one = await served(args={"word": "by hand"}).started()
    one.server.io_get_queue.put({"CMD": "word"})
    await one.until(lambda: one.server.message.value == "by hand")
    one.server.io_put_queue.put({"message": "put by hand"})
    await one.until(lambda: one.server.message.value == "put by hand")
    one.server.io_get_queue.put({"caf\udce9": "x"})
    await one.server.system_io_execute("CMD", "nothing")


async def test_a_start_that_cannot_be_made_is_no_tight_loop(served):
    """After a good run the first death restarts at once; a start that fails is none."""
    one = await served(
        restart=RestartConfig(delay_s=0.2), command=CommandConfig(on_down="queue")
    ).started()
    one.active.ready_s -= 60.0  # it has been RUNNING for long
    one.launches, one.may_launch = 0, False
    one.active.process.kill_group()
    await one.until(lambda: one.launches)
    begun_s = time.monotonic()
    await one.until(lambda: one.launches >= 3)
    assert time.monotonic() - begun_s > 0.2
    one.may_launch = True
    await one.until(lambda: one.state is WorkerState.RUNNING)
