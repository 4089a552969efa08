"""Setpoints that run again where the link is LOST: a worker that the test plays."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sswd.config import from_dict
from sswd.directories import file_stem
from sswd.ioc import Server
from sswd.ioc.state.format import Saved
from sswd.ioc.state.generations import Generations
from sswd.pipe.protocol import (
    PROTOCOL,
    Begin,
    Execute,
    LinkPhase,
    LinkState,
    Loaded,
    Ready,
)
from sswd.testing import CaClient, FakeRun, FakeWorker, running_ioc

PVS = {
    name: {"type": "float", "writable": True, "restore": True}
    for name in ("SPEED", "TARGET")
}
OK = LinkState(LinkPhase.OK, "")
FAILING = LinkState(LinkPhase.FAILING, "no answer", is_in_doubt=True)
LOST = LinkState(LinkPhase.LOST, "no answer", is_in_doubt=True)
FOLLOW = "the link is LOST; setpoints follow when it is OK"
ALL = "run 1: ran again: SPEED, TARGET"


@pytest.fixture
def fake() -> Iterator[FakeWorker]:
    with FakeWorker() as fake:
        yield fake


@pytest.fixture
def client(fake: FakeWorker, tmp_path: Path) -> Iterator[CaClient]:
    saved = Generations(tmp_path, file_stem("T:"))
    saved.write({"SPEED": Saved(2.5, 1.0), "TARGET": Saved(7.0, 1.0)})
    saved.close()
    system = {"target": "nowhere:Nothing", "on_link_down": "run", "pvs": PVS}
    server = Server("T:", name="main")
    server.system = from_dict({"system": {"main": system}}, "test").system["main"]
    server.configure(state_folder=tmp_path)
    with running_ioc(server) as client:
        yield client


@pytest.fixture
def worker(fake: FakeWorker, client: CaClient) -> FakeRun:
    """It is about to construct its system."""
    worker = fake.next_run()
    worker.say(Loaded(PROTOCOL, {}, []))
    worker.expect(Begin)
    return worker


def expect(worker: FakeRun, pv: str) -> Execute:
    command = worker.expect(Execute)
    assert command.pv == pv
    return command


def finish(worker: FakeRun, *pvs: str) -> None:
    """The next commands, on these PVs, succeed."""
    for pv in pvs:
        worker.finish(expect(worker, pv))


def test_a_command_runs_when_the_link_comes_back(
    worker: FakeRun, client: CaClient
) -> None:
    worker.say(LOST)
    worker.say(Ready())
    client.wait_for("WORKER:RESTORED", f"run 1: {FOLLOW}")
    client.put("CMD", "one", wait=False)
    running = expect(worker, "CMD")
    worker.say(OK)
    client.wait_for("WORKER:LINK", "OK")
    client.put("CMD", "two", wait=False)
    worker.finish(running)
    finish(worker, "SPEED", "TARGET")
    client.wait_for("WORKER:RESTORED", ALL)
    finish(worker, "CMD")  # the one that was put meanwhile
    client.wait_for("CMD_STATE", "DONE")


def test_the_link_is_lost_while_setpoints_run(
    worker: FakeRun, client: CaClient
) -> None:
    worker.say(Ready())
    first = expect(worker, "SPEED")
    worker.say(LOST)
    client.wait_for("WORKER:LINK", "LOST")
    worker.finish(first, "cut")
    words = f"run 1: SPEED: RuntimeError: cut; {FOLLOW}"
    client.wait_for("WORKER:RESTORED", words)
    client.wait_for("WORKER:STATE", "RUNNING")
    worker.say(OK)
    first = expect(worker, "SPEED")
    for state in (LOST, OK):  # once more, and back before the command has ended
        worker.say(state)
        client.wait_for("WORKER:LINK", state.phase.name)
    worker.finish(first, "cut")
    finish(worker, "SPEED", "TARGET")
    client.wait_for("WORKER:RESTORED", ALL)


@pytest.mark.parametrize("is_lost", [True, False])
def test_the_link_is_found_lost_after_the_last_setpoint(
    worker: FakeRun, client: CaClient, is_lost: bool
) -> None:
    """The worker tells of its link after the command that failed."""
    worker.say(Ready())
    finish(worker, "SPEED")
    worker.finish(expect(worker, "TARGET"), "no answer")
    worker.say(FAILING)
    client.wait_for("WORKER:LINK", "FAILING")
    if is_lost:
        worker.say(LOST)
        client.wait_for("WORKER:LINK", "LOST")
    worker.say(OK)
    if is_lost:
        finish(worker, "SPEED", "TARGET")
        client.wait_for("WORKER:RESTORED", ALL)
    else:  # a setpoint that the instrument never takes is not put to it for ever
        client.wait_for("WORKER:LINK", "OK")
        client.put("CMD", "next", wait=False)
        finish(worker, "CMD")
