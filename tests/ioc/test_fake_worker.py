"""The IOC's side: a worker that the test plays, a real Channel Access client."""

import signal
import time
from collections.abc import Iterator

import numpy as np
import pytest
from caproto.server import PVGroup, SubGroup, pvproperty

from sswd.config import from_dict
from sswd.errors import PipeClosed
from sswd.ioc import Server
from sswd.pipe.protocol import (
    PROTOCOL,
    Begin,
    Cancel,
    Execute,
    Grant,
    Leaving,
    Loaded,
    Ready,
    Rung,
    Stop,
)
from sswd.testing import (
    CaClient,
    FakeRun,
    FakeWorker,
    FakeWorkerError,
    running_ioc,
)

COMM_INVALID = (9, 3)


@pytest.fixture
def fake() -> Iterator[FakeWorker]:
    with FakeWorker() as fake:
        yield fake


def served(**keys: object) -> Server:
    """A template whose worker would run a class that does not exist."""
    system = {"target": "nowhere:Nothing", **keys}
    server = Server("T:", name="main")
    server.system = from_dict({"system": {"main": system}}, "test").system["main"]
    return server


@pytest.fixture
def client(fake: FakeWorker) -> Iterator[CaClient]:
    keys = {
        "restart": {"delay_s": 0.05, "stall_s": 0.3},
        "command": {"abort_s": [0.1, 0.1, 0.1]},
    }
    with running_ioc(served(**keys)) as client:
        yield client


@pytest.fixture
def worker(fake: FakeWorker, client: CaClient) -> FakeRun:
    worker = fake.next_run()
    worker.come_up()
    client.wait_for("WORKER:STATE", "RUNNING")
    return worker


def test_a_command_from_put_to_end(worker: FakeRun, client: CaClient) -> None:
    client.put("CMD", "home", wait=False)
    command = worker.expect(Execute)
    assert (command.id, command.pv, command.value) == (1, "CMD", "home")
    assert client.get("CMD_STATE", as_string=True) == "RUNNING"
    assert client.get("ACK") == "0"
    worker.post({"message": "going", "values": np.array([1.0, 2.0])})
    client.wait_for("message", "going")
    worker.finish(command, values={"message": "there"})
    client.wait_for("CMD_STATE", "DONE")
    assert client.get("message") == "there"
    assert client.get("ACK") == "1"
    assert list(client.get("values")) == [1.0, 2.0]


def test_a_command_that_fails(worker: FakeRun, client: CaClient) -> None:
    client.put("CMD", "home", wait=False)
    worker.finish(worker.expect(Execute), "no axis")
    client.wait_for("CMD_STATE", "FAILED")
    assert client.get("CMD_ERROR") == "RuntimeError: no axis"


@pytest.mark.parametrize(
    ("ack", "state", "error"),
    [
        ("0 division by zero", "FAILED", "the system's ACK: division by zero"),
        ("0failed", "FAILED", "the system's ACK: failed"),
        ("0", "DONE", ""),
        ("0.5", "DONE", ""),
        ("1", "DONE", ""),
    ],
)
def test_what_the_system_says_on_ack_is_believed(
    worker: FakeRun, client: CaClient, ack: str, state: str, error: str
) -> None:
    """Systems of the sequence server wrapper catch what they raise, and say so here."""
    client.put("CMD", "home", wait=False)
    worker.post({"ACK": "0 not yet" if ack == "1" else ack})
    worker.finish(worker.expect(Execute), values={"ACK": ack})
    client.wait_for("CMD_STATE", state)
    assert client.get("CMD_ERROR") == error
    assert client.get("ACK") == ("1" if ack == "0" else ack)
    client.put("CMD", "again", wait=False)
    worker.finish(worker.expect(Execute))
    client.wait_for("CMD_STATE", "DONE")


def test_a_preview_of_texts_that_the_system_reads_itself(
    fake: FakeWorker, client: CaClient
) -> None:
    worker = fake.next_run()
    worker.say(Loaded(PROTOCOL, {}, [], reads_language=False))
    worker.say(Ready())
    client.wait_for("WORKER:STATE", "RUNNING")
    assert client.put("CMD_PREVIEW", "scan(0, 10, 11)")
    assert client.get("CMD_PREVIEW").startswith("not known: this system reads")
    assert client.put("CMD_PREVIEW", "[1, 2]")
    assert client.get("CMD_PREVIEW") == "2 points: 1, 2"


def test_only_one_command_at_a_time_crosses(worker: FakeRun, client: CaClient) -> None:
    for text in ("1", "2"):
        client.put("CMD", text, wait=False)
    client.wait_for("QUEUE_LEN", 1)
    first = worker.expect(Execute)
    with pytest.raises(FakeWorkerError, match="no Execute"):
        worker.expect(Execute, timeout_s=0.1)
    worker.finish(first)
    assert worker.expect(Execute).value == "2"


def test_credits_come_back_for_what_is_published(worker: FakeRun) -> None:
    for number in range(4):
        worker.post({"message": str(number)})
    assert worker.expect(Grant).credits == 4


def test_its_death_is_seen_and_healed(
    fake: FakeWorker, worker: FakeRun, client: CaClient
) -> None:
    client.put("CMD", "home", wait=False)
    worker.expect(Execute)
    worker.write("Fatal Python error: Segmentation fault\n")
    worker.die(-signal.SIGSEGV)
    client.wait_for("CMD_STATE", "LOST")
    assert client.alarm("values") == COMM_INVALID
    assert "SIGSEGV" in client.get("WORKER:LAST_EXIT")
    assert "Fatal Python error" in client.get("WORKER:LAST_ERROR")
    second = fake.next_run()
    second.come_up()
    client.wait_for("WORKER:STATE", "RUNNING")
    assert client.get("WORKER:RUN") == 2
    assert worker.signals == []
    with pytest.raises(PipeClosed):
        worker.post({"message": "late"})


def test_a_system_that_cannot_be_set_up(fake: FakeWorker, client: CaClient) -> None:
    fake.next_run().fail("setup", "no route to host")
    client.wait_for("WORKER:LAST_EXIT", lambda text: "no route to host" in text)
    fake.next_run().come_up()
    client.wait_for("WORKER:STATE", "RUNNING")


def test_the_class_declares_pvs(fake: FakeWorker, client: CaClient) -> None:
    worker = fake.next_run()
    worker.come_up({"SPEED": {"type": "float", "writable": True}})
    client.wait_for("WORKER:STATE", "RUNNING")
    client.put("SPEED", 2.5, wait=False)
    command = worker.expect(Execute)
    assert (command.pv, command.value) == ("SPEED", 2.5)
    worker.finish(command)


def test_a_wrong_post_is_counted(worker: FakeRun, client: CaClient) -> None:
    worker.post({"values": np.zeros(10_001), "NOPE": 1, "message": "after"})
    client.wait_for("message", "after")
    client.wait_for("WORKER:REFUSED", 2)


def test_silence_is_a_stall(worker: FakeRun, client: CaClient) -> None:
    client.wait_for("WORKER:STALLED", "Yes")
    worker.pulse()
    client.wait_for("WORKER:STALLED", "No")


def test_a_stall_is_logged_with_the_command_that_ran(
    worker: FakeRun, client: CaClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.put("CMD", "home", wait=False)
    command = worker.expect(Execute)
    client.wait_for("WORKER:STALLED", "Yes")
    assert "it was busy with command 1 CMD 'home' for " in caplog.text
    worker.finish(command)
    client.wait_for("WORKER:STALLED", "No")


def test_a_worker_that_says_it_leaves_and_stays_is_killed(
    worker: FakeRun, client: CaClient, caplog, monkeypatch
) -> None:
    """Whatever its own timers were worth: the command does not stay RUNNING."""
    monkeypatch.setattr("sswd.ioc.supervision.worker_events.LEAVE_S", 0.1)
    client.put("CMD", "leave", wait=False)
    worker.expect(Execute)
    worker.say(Leaving())
    client.wait_for("CMD_STATE", "LOST")
    assert "its exit was not done within 0.1 s" in client.get("WORKER:LAST_EXIT")
    assert "something hangs that runs at exit" in caplog.text


def test_the_ladder_of_abort(worker: FakeRun, client: CaClient) -> None:
    worker.is_stubborn = True
    client.put("CMD", "home", wait=False)
    command = worker.expect(Execute)
    client.put("ABORT", 1)
    assert worker.expect(Cancel) == Cancel(command.id, Rung.FLAG)
    assert worker.expect(Cancel) == Cancel(command.id, Rung.EXCEPTION)
    client.wait_for("CMD_ERROR", lambda text: "SIGKILL" in text)
    client.wait_for("WORKER:LAST_ERROR", lambda text: "does not die" in text)
    assert worker.signals[:2] == [-signal.SIGTERM, -signal.SIGKILL]
    worker.die()
    client.wait_for("CMD_STATE", "ABORTED")


def test_an_orderly_stop(worker: FakeRun, client: CaClient) -> None:
    worker.obeys = False
    client.put("WORKER:STOP", 1)
    worker.expect(Stop)
    assert client.get("WORKER:STATE", as_string=True) == "STOPPING"
    worker.die(0)
    client.wait_for("WORKER:STATE", "STOPPED")


class Stage(PVGroup):
    """One's own group: GO puts a command to the system."""

    seq = SubGroup(Server, prefix="seq:")
    GO = pvproperty(value=0)

    @GO.putter
    async def GO(self, _instance: object, value: int) -> None:
        await self.seq.system_io_execute(pv_name="CMD", value=f"[{value}]")


def test_a_group_of_ones_own(fake: FakeWorker) -> None:
    stage = Stage(prefix="LAB:")
    stage.seq.system = "nowhere:Nothing"
    with running_ioc(stage) as client:
        worker = fake.next_run()
        assert worker.spec.target == "nowhere:Nothing"
        worker.come_up()
        client.wait_for("seq:WORKER:STATE", "RUNNING")
        client.put("GO", 3, wait=False)
        command = worker.expect(Execute)
        assert command.value == "[3]"
        worker.finish(command)
        client.wait_for("seq:CMD_STATE", "DONE")
        assert isinstance(worker.heard[0], Begin)


def test_nobody_starts_a_worker(fake: FakeWorker) -> None:
    with pytest.raises(FakeWorkerError, match="no worker started"):
        fake.next_run(0.05)


@pytest.mark.timing
@pytest.mark.leaks("an IOC that leaves a worker keeps its ends", "file descriptor")
def test_the_ioc_stops_soon_beside_a_stubborn_worker(fake: FakeWorker) -> None:
    with running_ioc(served()) as client:
        worker = fake.next_run()
        worker.come_up()
        worker.is_stubborn, worker.obeys = True, False
        client.wait_for("WORKER:STATE", "RUNNING")
        begun_s = time.monotonic()
    assert 6.0 < time.monotonic() - begun_s < 10.0
