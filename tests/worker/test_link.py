"""The link to an instrument in a real worker: connect, ping, reads that hang."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sswd.alarm import NO_ALARM
from sswd.pipe.protocol import Input, LinkPhase, LinkState, Log, ReadState

from .rig import Rig


@pytest.fixture
def device(tmp_path: Path) -> Path:
    device = tmp_path / "device"
    device.write_text("300")
    return device


def is_told(phase: LinkPhase) -> Callable[[LinkState], bool]:
    return lambda state: state.phase is phase


def lost_and_back(worker: Rig, device: Path) -> None:
    """Off for as long as it takes to tell, then on."""
    device.unlink()
    worker.run("ask")
    worker.wait(LinkState, is_told(LinkPhase.LOST))
    device.write_text("300")
    worker.wait(LinkState, is_told(LinkPhase.OK))


@pytest.mark.row(42)
@pytest.mark.parametrize(
    ("target", "after"), [("Connects", ["set up"]), ("SetsUpOnce", [])]
)
def test_setup_follows_each_connect_unless_once(rig, device, target, after):
    worker = rig(f"links:{target}", args={"path": str(device)}).begin()
    assert worker.posted("message") == ["connected", "set up"]
    lost_and_back(worker, device)
    assert worker.posted("message")[2:] == ["connected", *after]


@pytest.mark.row(42)
def test_setup_once_is_called_when_the_instrument_was_off_at_first(rig, device):
    device.unlink()
    worker = rig("links:SetsUpOnce", args={"path": str(device)}).begin()
    assert worker.posted("message") == []
    device.write_text("300")
    worker.wait(LinkState, is_told(LinkPhase.OK))
    assert worker.posted("message") == ["connected", "set up"]
    lost_and_back(worker, device)
    assert worker.posted("message") == ["connected", "set up", "connected"]


@pytest.mark.row(41)
@pytest.mark.row(42)
def test_a_ping_without_connect_tells_and_goes_on(rig, device):
    worker = rig("links:Asks", args={"path": str(device)}).begin()
    worker.wait_post("values", [1.0])
    device.unlink()
    lost = worker.wait(LinkState, is_told(LinkPhase.LOST))
    assert lost.is_in_doubt
    assert "ping: ConnectionError: the instrument is off" in lost.words
    worker.wait_post("values", [1.0])  # who cannot connect is not spared
    device.write_text("300")
    back = worker.wait(LinkState, is_told(LinkPhase.OK))
    assert (back.words, back.is_in_doubt) == ("", False)


@pytest.mark.timing
@pytest.mark.row(41)
@pytest.mark.parametrize(
    ("target", "args"),
    [
        ("Blocks", {"how": "time.sleep"}),
        ("Blocks", {"how": "our sleep"}),
        ("BlocksAwaiting", {}),
        ("BlocksInPing", {}),
    ],
)
def test_stop_interrupts_work_on_the_link(rig, device, target, args):
    worker = rig(f"links:{target}", args={"path": str(device), **args}).begin()
    device.unlink()
    if target != "BlocksInPing":
        worker.run("ask")
    worker.wait_post("message", "in")
    begun_s = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - begun_s < 5.0
    assert worker.posted("message")[-1] == "closed"
    words = [state.words for state in worker.said if isinstance(state, LinkState)]
    assert not any("Aborted" in text for text in words), words


@pytest.mark.row(41)
def test_a_read_that_does_not_return_is_late_and_marks_its_pvs(rig, device):
    worker = rig("links:Hangs", args={"path": str(device)}, pulse_s=0.02).begin()
    worker.wait_post("T", 300.0)
    worker.wait_post("T", 300.0)
    device.unlink()
    marked = worker.wait(ReadState)
    assert marked.pvs == ["T"]
    assert marked.words.startswith("read has not returned for")
    worker.wait_post("OTHER")  # its neighbour goes on
    device.write_text("290")
    healed = worker.wait(ReadState)
    assert (healed.method, healed.words, healed.posted) == ("read", "", ["T"])
    worker.wait_post("T", 290.0)
    (late,) = [record.message for record in worker.logs() if "late" in record.message]
    assert "periodic method read is late: it has been running" in late
    told = [state for state in worker.said if isinstance(state, ReadState)]
    assert told == [marked, healed]


def test_an_input_method_that_fails_is_told_once_and_goes_on(rig, device):
    worker = rig("links:Listens", args={"path": str(device)}, inputs=["beam"]).begin()

    def put(value: float) -> None:
        worker.order(Input("beam", value, NO_ALARM, 1.0))

    put(5.0)
    worker.wait_post("values", [5.0])
    put(-1.0)
    failed = worker.wait(Log, lambda record: "on_input_beam failed" in record.message)
    assert "ValueError: beam -1" in failed.trace
    put(-2.0)
    put(6.0)
    worker.wait_post("values", [6.0])
    healed = "on_input_beam works again"
    if healed not in [record.message for record in worker.logs()]:  # before the post
        worker.wait(Log, lambda record: record.message == healed)
    assert sum("failed" in record.message for record in worker.logs()) == 1
