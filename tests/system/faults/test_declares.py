"""Row 50: PVs declared in setup; limits, units and states that change at run time."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from aioca import DBE_PROPERTY, FORMAT_CTRL, caget, camonitor
from client import Client, ca_port
from daemon import until
from systems import MISBEHAVING, one_system, tables_of

from sswd.pipe.limits import LEAST_ARRAY
from sswd.testing import Daemon, running_daemon

pytestmark = pytest.mark.row(50)

CONFIG = one_system("declares:Found", pvs=tables_of("declares").PVS)


@pytest.fixture
def axes(tmp_path: Path) -> Path:
    path = tmp_path / "axes"
    path.write_text("AXIS1 float\n")
    return path


def served(axes: Path) -> "contextlib.AbstractContextManager[Daemon]":
    env = {"AXES": str(axes)}
    return running_daemon(config=CONFIG, folder=MISBEHAVING, port=ca_port(), env=env)


@pytest.fixture
def daemon(axes: Path) -> Iterator[Daemon]:
    """One of a test's own, whose axes change."""
    with served(axes) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One for all tests that leave the axes as they are: the last ones of this file,
    since no other daemon can be at the client's port meanwhile."""
    axes = tmp_path_factory.mktemp("shared") / "axes"
    axes.write_text("AXIS1 float\n")
    with served(axes) as daemon:
        yield daemon


def restart(daemon: Daemon, client: Client) -> None:
    run = client.get(daemon.prefix + "WORKER:RUN")
    assert client.put(daemon.prefix + "WORKER:RESTART", 1)
    client.wait_for(daemon.prefix + "WORKER:RUN", run + 1)
    client.wait_for(daemon.prefix + "WORKER:STATE", "RUNNING")


def limits(client: Client, pv: str) -> tuple[float, float, str]:
    read = caget(pv, format=FORMAT_CTRL, timeout=10.0)
    value = client._run(read, 10.0)
    return value.lower_ctrl_limit, value.upper_ctrl_limit, value.units


@pytest.mark.timing
def test_what_setup_declares_is_found_within_a_second(
    daemon: Daemon, client: Client, axes: Path
) -> None:
    prefix = daemon.prefix
    assert client.put(prefix + "AXIS1", 2.5)
    assert client.get(prefix + "AXIS1_RBV") == 2.5
    axes.write_text("AXIS1 float\nAXIS2 int\n")
    restart(daemon, client)
    daemon.wait_for("AXIS2", 0, timeout_s=1.0)  # it searches anew each time
    assert client.put(prefix + "AXIS2", 3)
    assert client.get(prefix + "AXIS2_RBV") == 3


def test_a_declared_pv_stays_and_keeps_its_type(
    daemon: Daemon, client: Client, axes: Path
) -> None:
    axes.write_text("AXIS1 int\n")
    restart(daemon, client)
    assert client.get(daemon.prefix + "AXIS1.RTYP") == "ao"
    until(lambda: "AXIS1 is served as writable float" in daemon.log, "the words")
    assert client.put(daemon.prefix + "AXIS1", 2.5)


def test_a_declared_image_may_be_large(
    daemon: Daemon, client: Client, axes: Path
) -> None:
    """Larger than what any PV holds of which the IOC and the worker knew before."""
    prefix = daemon.prefix
    axes.write_text("CAMERA uint8 4200 4100\n")
    assert LEAST_ARRAY < 4200 * 4100
    run = client.get(prefix + "WORKER:RUN")
    restart(daemon, client)
    client.wait_for(prefix + "CAMERA:WIDTH", 4100)
    assert client.get(prefix + "CAMERA.NORD") == 4200 * 4100
    assert client.alarm(prefix + "CAMERA:HEIGHT") == (0, 0)
    assert client.get(prefix + "WORKER:RUN") == run + 1
    assert "bytes" not in daemon.log, daemon.log


def test_declare_is_for_setup(shared: Daemon, client: Client) -> None:
    assert not client.put(shared.prefix + "CMD", "declare LATE")
    assert "declare() is for setup()" in client.get(shared.prefix + "CMD_ERROR")


def test_limits_follow_the_instrument(shared: Daemon, client: Client) -> None:
    pv, command = shared.prefix + "GAIN", shared.prefix + "CMD"
    assert client.get(pv + ".DRVH") == 10.0
    assert not client.put(pv, 11.0)
    assert client.put(command, "limits GAIN -5 20")
    assert limits(client, pv) == (-5.0, 20.0, "V")
    assert limits(client, pv + "_RBV") == (-5.0, 20.0, "V")
    assert client.get(pv + ".DRVH") == client.get(pv + ".HOPR") == 20.0
    assert client.get(pv + ".LOPR") == -5.0
    assert client.put(pv, 11.0)
    assert not client.put(pv, 21.0)
    assert "outside the limits -5 to 20" in client.get(shared.prefix + "CMD_ERROR")
    assert client.put(command, "units GAIN mV")
    assert limits(client, pv) == (-5.0, 20.0, "mV")
    assert client.get(pv + ".EGU") == "mV"
    restart(shared, client)
    assert limits(client, pv) == (-5.0, 20.0, "mV")


def test_a_change_is_an_event_of_its_own(shared: Daemon, client: Client) -> None:
    pv, command = shared.prefix + "GAIN", shared.prefix + "CMD"
    seen: list[float] = []

    async def watch() -> None:
        camonitor(
            pv,
            lambda value: seen.append(value.upper_ctrl_limit),
            format=FORMAT_CTRL,
            events=DBE_PROPERTY,
            all_updates=True,
        )

    assert client.put(command, "limits GAIN 0 10")
    values = client.monitor(pv)
    client._run(watch(), 10.0)
    until(lambda: seen == [10.0], "the first update")
    assert client.put(command, "limits GAIN 0 20")
    assert client.put(command, "limits GAIN 0 20")
    assert client.put(command, "limits GAIN 0 30")
    until(lambda: seen == [10.0, 20.0, 30.0], "two changes")
    assert len(values.seen) == 1


def test_states_follow_the_instrument(shared: Daemon, client: Client) -> None:
    pv, command = shared.prefix + "RANGE", shared.prefix + "CMD"
    assert client.put(pv, "b")
    assert client.get(pv + ".ONST") == "b"
    assert client.put(command, "strings RANGE low middle")
    assert client.get(pv) == "middle"
    assert client.get(pv + ".ONST") == "middle"
    assert client.get(pv + ".TWST") == ""
    assert client.put(pv, "low")
    assert not client.put(pv, 2)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("limits RANGE 1 2", "a PV of type enum has no limits"),
        ("limits NONE 1 2", "no such PV is declared"),
        ("units GAIN aaaaaaaaaaaaaaaaaaaa", "longer than the 15 bytes"),
        ("strings RANGE x x", "'x' stands there 2 times"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(
    shared: Daemon, client: Client, command: str, words: str
) -> None:
    assert client.put(shared.prefix + "CMD", command)
    until(lambda: words in shared.log, words)
