"""Rows 41, 42, 44, 49, 52: the instrument fails while the worker lives."""

from collections.abc import Iterator

import pytest
from client import COMM, INVALID, NO_ALARM, Client, Monitor, Seen
from daemon import until
from served import served
from systems import one_system
from tcp_instrument import Fault, TcpInstrument, instrument

from sswd.testing import Daemon

PERIOD_S, TIMEOUT_S = 0.1, 0.3
READ = 1  # alarm.h
BOUND_S = PERIOD_S + TIMEOUT_S
"""How long a PV may look good after its source is gone."""
SLACK_S = 1.0
"""For a busy host."""


def config_of(name: str, port: int, keys: str = "") -> str:
    return one_system(f"linked:{name}", keys, args=f"port = {port}")


@pytest.fixture
def device() -> Iterator[TcpInstrument]:
    with instrument() as one:
        yield one


@pytest.fixture
def daemon(device: TcpInstrument, client: Client) -> Iterator[Daemon]:
    with served(config_of("Reconnects", device.port), client) as daemon:
        yield daemon


def is_bad(seen: Seen) -> bool:
    return seen.value is not None and seen.severity == INVALID


def is_good(seen: Seen) -> bool:
    return seen.value is not None and seen.severity == NO_ALARM


def newest_is(monitor: Monitor, wanted: bool) -> None:
    until(lambda: is_good(monitor.last) is wanted, f"{monitor.pv} good: {wanted}")


@pytest.mark.timing
@pytest.mark.row(41)
@pytest.mark.row(42)
def test_power_off_and_on(
    daemon: Daemon, client: Client, device: TcpInstrument
) -> None:
    prefix = daemon.prefix
    pvs = {n: client.monitor(prefix + n) for n in ("T", "LEVEL", "NOTE")}
    for monitor in pvs.values():
        newest_is(monitor, True)
    run = client.get(prefix + "WORKER:RUN")
    assert client.get(prefix + "WORKER:LINK") == "OK"
    assert client.put(prefix + "SETPOINT", 290.0)
    pvs["T"].wait_for(290.0)

    device.power_off()
    client.wait_for(prefix + "WORKER:LINK", "LOST", timeout_s=BOUND_S + SLACK_S)
    for monitor in pvs.values():
        assert is_bad(monitor.last), monitor.pv
    assert client.alarm(prefix + "T") == (COMM, INVALID)
    assert client.alarm(prefix + "SETPOINT") == (COMM, INVALID)
    words = client.get(prefix + "WORKER:LINK_ERROR")
    assert "since 20" in words
    assert "link lost" in client.get(prefix + "WORKER:LAST_ERROR")
    assert not client.put(prefix + "SETPOINT", 280.0)
    assert client.get(prefix + "CMD_STATE") == "REJECTED"
    assert "the link to the instrument is lost" in client.get(prefix + "CMD_ERROR")
    assert client.get(prefix + "SETPOINT") == 290.0

    device.power_on()
    client.wait_for(prefix + "WORKER:LINK", "OK")
    for monitor in pvs.values():
        newest_is(monitor, True)
    assert client.get(prefix + "WORKER:LINK_ERROR") == ""
    assert client.get(prefix + "WORKER:RUN") == run
    assert device.applied[-1] == 290.0  # setup has run again
    assert client.put(prefix + "SETPOINT", 280.0)
    pvs["T"].wait_for(280.0)


@pytest.mark.timing
@pytest.mark.row(41)
def test_an_instrument_that_answers_no_more(
    daemon: Daemon, client: Client, device: TcpInstrument
) -> None:
    prefix = daemon.prefix
    pvs = [client.monitor(prefix + n) for n in ("T", "LEVEL")]
    for monitor in pvs:
        newest_is(monitor, True)
    device.fault = Fault.HANG
    for monitor in pvs:
        newest_is(monitor, False)
    client.wait_for(prefix + "WORKER:LINK", "LOST")
    device.fault = Fault.NONE
    client.wait_for(prefix + "WORKER:LINK", "OK")
    for monitor in pvs:
        newest_is(monitor, True)


@pytest.mark.row(44)
@pytest.mark.parametrize("fault", [Fault.GARBAGE, Fault.HALF])
def test_answers_that_make_no_sense(
    daemon: Daemon, client: Client, device: TcpInstrument, fault: Fault
) -> None:
    prefix = daemon.prefix
    monitor = client.monitor(prefix + "T")
    newest_is(monitor, True)
    device.fault = fault
    newest_is(monitor, False)
    bad = len(monitor.seen)
    client.wait_for(prefix + "WORKER:LINK", lambda seen: seen.value != "OK")
    device.fault = Fault.NONE
    newest_is(monitor, True)
    good = [seen.value for seen in monitor.seen[bad:] if is_good(seen)]
    assert set(good) == {300.0}, good
    client.wait_for(prefix + "WORKER:LINK", "OK")


@pytest.mark.row(44)
def test_a_slow_answer_is_no_failure_while_it_is_in_time(
    daemon: Daemon, client: Client, device: TcpInstrument
) -> None:
    """0.3 s is the driver's own time-out: some answers come, some do not."""
    prefix = daemon.prefix
    device.fault = Fault.SLOW
    client.wait_for(prefix + "T", is_bad)
    device.fault = Fault.NONE
    client.wait_for(prefix + "WORKER:LINK", "OK")
    newest_is(client.monitor(prefix + "T"), True)


@pytest.mark.row(41)
def test_an_instrument_that_is_off_at_the_start(
    client: Client, device: TcpInstrument
) -> None:
    device.power_off()
    with served(config_of("Reconnects", device.port), client) as daemon:
        prefix = daemon.prefix
        client.wait_for(prefix + "WORKER:LINK", "LOST")
        assert client.get(prefix + "WORKER:STATE") == "RUNNING"
        assert not client.put(prefix + "SETPOINT", 1.0)
        assert client.alarm(prefix + "T") == (COMM, INVALID)
        device.power_on()
        client.wait_for(prefix + "WORKER:LINK", "OK")
        newest_is(client.monitor(prefix + "T"), True)
        assert client.get(prefix + "NOTE") == "set up"
        assert client.put(prefix + "SETPOINT", 1.0)


@pytest.mark.row(41)
@pytest.mark.row(42)
def test_puts_wait_for_the_link_where_they_are_to(
    client: Client, device: TcpInstrument
) -> None:
    keys = 'on_link_down = "wait"'
    with served(config_of("Reconnects", device.port, keys), client) as daemon:
        prefix = daemon.prefix
        device.power_off()
        client.wait_for(prefix + "WORKER:LINK", "LOST")
        dropped = client.start_put(prefix + "SETPOINT", 270.0)
        client.wait_for(prefix + "QUEUE_LEN", 1)
        assert client.put(prefix + "ABORT", 1)
        assert not dropped.result(10.0)
        assert client.get(prefix + "CMD_STATE") == "REJECTED"
        states = client.monitor(prefix + "CMD_STATE")
        puts = [client.start_put(prefix + "SETPOINT", v) for v in (280.0, 290.0)]
        client.wait_for(prefix + "QUEUE_LEN", 2)
        assert client.get(prefix + "BUSY") == "Idle"
        assert not any(put.done() for put in puts)
        device.power_on()
        assert [put.result(10.0) for put in puts] == [True, True]
        assert device.applied[-2:] == [280.0, 290.0]  # after setup's
        assert "REJECTED" not in states.values[1:]


@pytest.mark.row(41)
def test_a_ping_finds_a_dead_link(client: Client, device: TcpInstrument) -> None:
    with served(config_of("Pings", device.port), client) as daemon:
        prefix = daemon.prefix
        newest_is(client.monitor(prefix + "NOTE"), True)
        device.power_off()
        client.wait_for(prefix + "WORKER:LINK", "LOST")
        assert client.alarm(prefix + "NOTE") == (COMM, INVALID)
        words = client.get(prefix + "WORKER:LINK_ERROR")
        assert words.startswith(("ping: ", "connect: ")), words
        device.power_on()
        client.wait_for(prefix + "WORKER:LINK", "OK")
        newest_is(client.monitor(prefix + "NOTE"), True)


@pytest.mark.row(42)
def test_a_driver_without_connect_is_restarted(
    client: Client, device: TcpInstrument
) -> None:
    keys = 'on_link_lost = "restart"'
    with served(config_of("Stubborn", device.port, keys), client) as daemon:
        prefix = daemon.prefix
        monitor = client.monitor(prefix + "T")
        newest_is(monitor, True)
        device.cut()
        client.wait_for(prefix + "WORKER:RUN", lambda seen: seen.value == 2)
        newest_is(monitor, True)
        assert "on_link_lost" in client.get(prefix + "WORKER:LAST_ERROR")


@pytest.mark.row(41)
def test_only_what_is_not_read_is_marked(client: Client, device: TcpInstrument) -> None:
    with served(config_of("Stubborn", device.port), client) as daemon:
        prefix = daemon.prefix
        monitor = client.monitor(prefix + "T")
        newest_is(monitor, True)
        device.cut()
        newest_is(monitor, False)
        assert client.alarm(prefix + "T") == (READ, INVALID)
        assert client.get(prefix + "WORKER:LINK") == "FAILING"
        assert "read_" in client.get(prefix + "WORKER:LINK_ERROR")
        assert "Error" in client.get(prefix + "T.AMSG")
        assert not client.put(prefix + "SETPOINT", 1.0)
        assert client.get(prefix + "CMD_STATE") == "FAILED"


@pytest.mark.row(52)
def test_a_readback_beside_a_long_command(
    client: Client, device: TcpInstrument
) -> None:
    with served(config_of("Beside", device.port), client) as daemon:
        prefix = daemon.prefix
        monitor = client.monitor(prefix + "T")
        newest_is(monitor, True)
        command = client.start_put(prefix + "CMD", "sleep 1.5")
        client.wait_for(prefix + "BUSY", lambda seen: seen.value == "Busy")
        device.setpoint = 250.0
        monitor.wait_for(250.0, timeout_s=1.0)
        assert not command.done()
        assert command.result(10.0)


@pytest.mark.row(41)
@pytest.mark.row(47)
def test_async_drivers_reconnect(client: Client, device: TcpInstrument) -> None:
    with served(config_of("Awaits", device.port), client) as daemon:
        prefix = daemon.prefix
        monitor = client.monitor(prefix + "T")
        newest_is(monitor, True)
        device.power_off()
        client.wait_for(prefix + "WORKER:LINK", "LOST")
        assert is_bad(monitor.last)
        device.power_on()
        client.wait_for(prefix + "WORKER:LINK", "OK")
        newest_is(monitor, True)
        assert client.put(prefix + "SETPOINT", 280.0)
        monitor.wait_for(280.0)
