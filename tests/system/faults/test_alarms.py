"""Rows 43, 45, 46, 51: what a driver says of its values reaches clients unchanged, and
no value looks good that is not."""

from collections.abc import Iterator

import aioca
import pytest
from client import Client, Monitor
from served import served
from systems import one_system, tables_of

from sswd.testing import Daemon

alarms = tables_of("alarms")

NONE, MINOR, MAJOR, INVALID = range(4)
WRITE, HIHI, HIGH, LOLO, LOW, STATE, COMM, TIMEOUT = 2, 3, 4, 5, 6, 7, 9, 10
SOFT, UDF = 15, 17
ALL = aioca.DBE_VALUE | aioca.DBE_LOG | aioca.DBE_ALARM


@pytest.fixture(scope="module")
def survivor(session_client: Client) -> Iterator[Daemon]:
    config = one_system("alarms:Alarms") + alarms.PVS
    with served(config, session_client) as daemon:
        yield daemon


@pytest.fixture
def daemon(survivor: Daemon, client: Client) -> Daemon:
    prefix = survivor.prefix
    assert client.put(prefix + "CMD", "readings")
    assert client.put(prefix + "CMD", "post PLAIN 0")
    return survivor


def events(monitor: Monitor) -> list[tuple[object, int, int]]:
    """(value, severity, status) of every update."""
    return [(seen.value, seen.severity, seen.status) for seen in monitor.seen]


def do(daemon: Daemon, client: Client, *commands: str) -> None:
    for command in commands:
        assert client.put(daemon.prefix + "CMD", command), command


def test_severity_status_and_words_come_with_the_value(
    daemon: Daemon, client: Client
) -> None:
    pv = daemon.prefix + "PLAIN"
    monitor = client.monitor(pv, events=ALL)
    do(daemon, client, "hot")
    monitor.wait_for(7.0)
    assert client.get(pv + ".AMSG") == "too hot"
    assert client.get(pv + ".SEVR") == "MAJOR"
    do(daemon, client, "ok", "alarm MINOR READ", "post PLAIN 8")
    monitor.wait_for(8.0)
    assert events(monitor) == [
        (0.0, NONE, 0),
        (7.0, MAJOR, HIHI),
        (7.0, NONE, 0),
        (7.0, MINOR, 1),
        (8.0, NONE, 0),
    ]
    stamps = [seen.stamp_s for seen in monitor.seen]
    assert stamps == sorted(set(stamps))  # archivers drop what does not advance
    assert client.get(pv + ".AMSG") == ""


def test_the_time_of_a_sample_is_kept(daemon: Daemon, client: Client) -> None:
    do(daemon, client, "sampled")
    read = client.read(daemon.prefix + "PLAIN")
    assert (float(read), float(read.timestamp)) == (3.0, alarms.SAMPLED_S)


def test_the_time_of_alarms_and_values_never_goes_back(
    daemon: Daemon, client: Client
) -> None:
    """An archiver drops what is not later than its last sample, and would show the
    alarm after it has ended."""
    do(daemon, client, "ok")
    monitor = client.monitor(daemon.prefix + "PLAIN")
    do(daemon, client, "in_and_out")
    monitor.wait_for(19.0)
    stamps = [seen.stamp_s for seen in monitor.seen][1:]
    assert stamps == sorted(set(stamps))


def test_readings_in_a_mapping(daemon: Daemon, client: Client) -> None:
    do(daemon, client, "readings")
    assert client.alarm(daemon.prefix + "PLAIN") == (SOFT, MINOR)
    assert client.get(daemon.prefix + "PLAIN.AMSG") == "slow"
    assert client.alarm(daemon.prefix + "T") == (0, NONE)


def test_an_unknown_severity_fails_the_command_in_words(
    daemon: Daemon, client: Client
) -> None:
    assert not client.put(daemon.prefix + "CMD", "unknown GRAVE")
    words = client.get(daemon.prefix + "CMD_ERROR")
    assert "'GRAVE' is no alarm severity; say one of NO_ALARM, MINOR" in words


def test_an_alarm_survives_a_flood(daemon: Daemon, client: Client) -> None:
    monitor = client.monitor(daemon.prefix + "PLAIN")
    do(daemon, client, "flood")
    last = monitor.wait_for(-1.0)
    assert (last.severity, last.status) == (MINOR, SOFT)
    assert all(seen.severity == NONE for seen in monitor.seen if seen.value >= 0)


@pytest.mark.row(45)
def test_limits_with_hysteresis(daemon: Daemon, client: Client) -> None:
    pv = daemon.prefix + "T"
    monitor = client.monitor(pv, events=ALL)
    walk = [8.0, 7.6, 7.4, 10.0, 1.0, -1.0, 0.4, 0.6, 5.0]
    do(daemon, client, *(f"post T {value}" for value in walk))
    do(daemon, client, "post T nan")
    monitor.wait_for(lambda seen: seen.value != seen.value)
    assert [(seen.severity, seen.status) for seen in monitor.seen] == [
        (NONE, 0),
        (MINOR, HIGH),
        (MINOR, HIGH),
        (NONE, 0),
        (MAJOR, HIHI),
        (MINOR, LOW),
        (MAJOR, LOLO),
        (MAJOR, LOLO),
        (MINOR, LOW),
        (NONE, 0),
        (INVALID, UDF),
    ]
    graphic = client.read(pv, datatype=float)
    assert graphic != graphic
    assert [client.get(f"{pv}.{f}") for f in ("HIHI", "HHSV", "HYST", "LALM")][:3] == [
        10.0,
        "MAJOR",
        0.5,
    ]


def test_a_state_in_alarm(daemon: Daemon, client: Client) -> None:
    do(daemon, client, "post MODE fault")
    assert client.alarm(daemon.prefix + "MODE") == (STATE, MAJOR)
    do(daemon, client, "post MODE on")
    assert client.alarm(daemon.prefix + "MODE") == (0, NONE)


@pytest.mark.row(46)
def test_an_equal_value_is_no_event_but_its_time_advances(
    daemon: Daemon, client: Client
) -> None:
    pv = daemon.prefix + "PLAIN"
    monitor = client.monitor(pv, events=ALL)
    before = float(client.read(pv).timestamp)
    do(daemon, client, *["post PLAIN 0"] * 20)
    assert float(client.read(pv).timestamp) > before
    do(daemon, client, "post PLAIN 1")
    monitor.wait_for(1.0)
    assert monitor.values == [0.0, 1.0]


@pytest.mark.row(43)
def test_a_value_whose_thread_has_ended_becomes_stale(
    daemon: Daemon, client: Client
) -> None:
    pv = daemon.prefix + "OLD"
    monitor = client.monitor(pv, events=ALL)
    do(daemon, client, "feed")
    last = monitor.wait_for(19.0)
    assert last.severity == NONE
    stale = monitor.wait_for(lambda seen: seen.severity == INVALID, since_s=last.at_s)
    assert (stale.value, stale.status) == (19.0, TIMEOUT)
    assert client.get(pv + ".AMSG") == "no post for 0.4 s"
    do(daemon, client, "post OLD 4")
    healed = monitor.wait_for(4.0)
    assert (healed.severity, healed.status) == (NONE, 0)


@pytest.mark.row(51)
def test_failed_and_rejected_puts_as_lists_of_events(
    daemon: Daemon, client: Client
) -> None:
    pv = daemon.prefix + "SP"
    assert client.put(pv, 1.0)
    monitor = client.monitor(pv, events=ALL)
    assert not client.put(pv, 9.0)  # outside its limits: rejected
    assert not client.put(pv, 3.0)  # the instrument refuses it: failed
    assert client.put(pv, 2.0)
    monitor.wait_for(2.0)
    assert events(monitor) == [
        (1.0, NONE, 0),
        (1.0, MAJOR, WRITE),  # 9 was rejected
        (3.0, NONE, 0),  # accepted
        (3.0, MAJOR, WRITE),  # failed
        (2.0, NONE, 0),
    ]


@pytest.mark.row(51)
def test_a_restart_as_a_list_of_events(daemon: Daemon, client: Client) -> None:
    pv = daemon.prefix + "PLAIN"
    monitor = client.monitor(pv, events=ALL)
    state = client.monitor(daemon.prefix + "WORKER:STATE")
    assert client.put(daemon.prefix + "WORKER:RESTART", 1)
    state.wait_for(lambda _: state.values.count("RUNNING") == 2)
    do(daemon, client, "post PLAIN 6")
    monitor.wait_for(6.0)
    assert events(monitor) == [
        (0.0, NONE, 0),
        (0.0, INVALID, COMM),
        (6.0, NONE, 0),
    ]


@pytest.mark.parametrize(
    ("pv", "value", "words"),
    [("MODE", 7, "no state 7"), ("MODE", "fast", "fast"), ("SP", 9.0, "outside")],
)
def test_refusals_look_alike(
    daemon: Daemon, client: Client, pv: str, value: object, words: str
) -> None:
    """What the PV cannot hold and what its limits forbid: both REJECTED commands."""
    name = daemon.prefix + pv
    number = client.get(daemon.prefix + "CMD_ID")
    assert not client.put(name, value)
    assert client.get(daemon.prefix + "CMD_STATE") == "REJECTED"
    assert words in client.get(daemon.prefix + "CMD_ERROR")
    assert client.get(daemon.prefix + "CMD_ID") == number + 1
    assert client.alarm(name) == (WRITE, MAJOR)
