"""Row 48: an input PV dies, moves to another host, lies; it is told on what depends."""

from collections.abc import Iterator

import pytest
from daemon import until
from puppets import Puppets, puppets
from systems import MISBEHAVING, one_system, tables_of

from sswd.testing import Daemon, running_daemon

pytestmark = pytest.mark.row(48)

INVALID, LINK = 3, 14
PVS = tables_of("inputs").PVS
CONFIG = one_system(
    "inputs:Corrected",
    inputs='beam = "M:COUNT"\nmood = "M:SHORT"\nlong = "M:Nested_Indices"',
    pvs=PVS,
)


@pytest.fixture(scope="module")
def others() -> Iterator[Puppets]:
    with puppets() as made:
        yield made


@pytest.fixture
def daemon(others: Puppets) -> Iterator[Daemon]:
    with running_daemon(config=CONFIG, folder=MISBEHAVING, env=others.env) as daemon:
        yield daemon


def severity_of(daemon: Daemon, pv: str) -> tuple[int, int]:
    status, severity = daemon.alarm(pv)
    return severity, status


def told(daemon: Daemon, name: str) -> str:
    """What the driver knows of an input."""
    daemon.put("TELL", name)
    return str(daemon.get("message"))


def wait_alarm(daemon: Daemon, pv: str, wanted: tuple[int, int]) -> None:
    daemon.wait_for(pv, lambda _: severity_of(daemon, pv) == wanted)


def test_an_input_that_dies_and_moves_is_told_and_found_again(
    daemon: Daemon, others: Puppets
) -> None:
    wait_alarm(daemon, "CORRECTED", (INVALID, LINK))
    first = others.start(0)
    first.put("COUNT", 21)
    daemon.wait_for("CORRECTED", 42.0)
    wait_alarm(daemon, "CORRECTED", (0, 0))
    first.kill()
    wait_alarm(daemon, "CORRECTED", (INVALID, LINK))
    assert severity_of(daemon, "FREE") == (0, 0)
    daemon.put("TELL", "beam")
    assert daemon.get("message").startswith(f"21 {INVALID} {LINK} M:COUNT is lost")
    second = others.start(1)
    second.put("COUNT", 4)
    daemon.wait_for("CORRECTED", 8.0)
    wait_alarm(daemon, "CORRECTED", (0, 0))
    second.kill()


def test_a_new_worker_has_the_inputs_before_its_first_command(
    daemon: Daemon, others: Puppets
) -> None:
    other = others.start()
    other.put("SHORT", "fine")
    until(lambda: told(daemon, "mood") == "'fine' 0 0 ", "the input")
    run = daemon.get("WORKER:RUN")
    daemon.put("WORKER:RESTART", 1)
    daemon.wait_for("WORKER:RUN", run + 1)
    daemon.wait_for("WORKER:STATE", "RUNNING")
    assert told(daemon, "mood") == "'fine' 0 0 "
    other.kill()


def test_a_long_text_is_refused_in_words(daemon: Daemon, others: Puppets) -> None:
    other = others.start()
    other.put("Nested_Indices", "x" * 900)
    words = "a text of 900 bytes; an input has at most 200"
    expected = f" {INVALID} {LINK} M:Nested_Indices: {words}"
    until(lambda: told(daemon, "long").endswith(expected), "the words")
    assert words in daemon.log
    other.kill()


def test_a_busy_worker_gets_the_newest_only(daemon: Daemon, others: Puppets) -> None:
    other = others.start()
    other.put("COUNT", 1)
    daemon.wait_for("CORRECTED", 2.0)
    daemon.put("CMD", "count")
    before = int(daemon.get("message"))
    daemon.put("CMD", "busy 1000", wait=False)
    daemon.wait_for("message", "busy")
    for number in range(2, 50):
        other.put("COUNT", number)
    other.put("COUNT", 1000)
    daemon.wait_for("CORRECTED", 2000.0)
    daemon.put("CMD", "count")
    assert int(daemon.get("message")) == before + 1
    other.kill()


TWO = f"""
prefix = "@"
[system.source]
target = "kinds:Instrument"
prefix = "S:"
[system.source.pvs]
{tables_of("kinds").PVS}
[system.main]
target = "inputs:Corrected"
prefix = "C:"
[system.main.inputs]
beam = "{{prefix}}S:LEVEL"
[system.main.pvs]
{PVS}"""


def test_another_system_of_the_same_daemon_is_read_without_a_socket() -> None:
    config = TWO.replace("@", "IN:").replace("{prefix}", "IN:")
    with running_daemon(config=config, folder=MISBEHAVING, ready=False) as daemon:
        daemon.prefix = "IN:"
        for system in ("S:", "C:"):
            daemon.wait_for(f"{system}WORKER:STATE", "RUNNING", timeout_s=20.0)
        clients = daemon.get("IOC:CA_CHANNELS")
        assert daemon.put("S:LEVEL", 7)
        daemon.wait_for("C:CORRECTED", 14.0)
        assert daemon.get("C:BEAM") == 7.0
        assert daemon.get("IOC:CA_CHANNELS") <= clients + 4  # our own
        daemon.put("S:WORKER:STOP", 1)
        daemon.wait_for("C:CORRECTED", lambda _: daemon.alarm("C:CORRECTED")[1] == 3)
