"""Every type of PV, as libca sees it: on the wire, in puts, and what the system got."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from aioca import caget, caput
from client import ECA_PUTFAIL, MAJOR, NO_ALARM, WRITE, Client, ca_port
from systems import MISBEHAVING, one_system, tables_of

from sswd.testing import Daemon, running_daemon

CONFIG = one_system("kinds:Instrument", pvs=tables_of("kinds").PVS)
SHORT, FLOAT, CHAR, LONG, DOUBLE, ENUM = 1, 2, 4, 5, 6, 3
"""Field types of libca."""


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with running_daemon(config=CONFIG, folder=MISBEHAVING, port=ca_port()) as daemon:
        yield daemon


@pytest.mark.parametrize(
    ("pv", "on_the_wire", "value", "got", "told"),
    [
        ("GAIN", FLOAT, 0.5, 0.5, "GAIN float 0.5"),
        ("COUNT", DOUBLE, 2.0**53, 2.0**53, "COUNT int 9007199254740992"),
        ("LEVEL", SHORT, -7, -7, "LEVEL int -7"),
        ("RAW", SHORT, 40000, 40000, "RAW int 40000"),
        ("SIGNED", CHAR, -3, -3, "SIGNED int -3"),
        ("BYTE", CHAR, 200, 200, "BYTE int 200"),
        ("WAVE", CHAR, [-1, 2], [-1, 2], "WAVE int8 [-1, 2]"),
        ("TABLE", DOUBLE, [-1, 2**40], [-1, 2**40], "TABLE int64 [-1, 1099511627776]"),
    ],
)
def test_a_number_of_a_size(
    daemon: Daemon,
    client: Client,
    pv: str,
    on_the_wire: int,
    value: Any,
    got: Any,
    told: str,
) -> None:
    name = daemon.prefix + pv
    given = np.array(value, np.int32 if pv in ("RAW", "WAVE", "SIGNED") else float)
    assert client.put(name, given)
    assert client.get(daemon.prefix + "message") == told
    native = client._run(caget(name, format=1, timeout=10.0), 10.0)
    assert native.datatype == on_the_wire
    number = client.get(name, datatype=DOUBLE if pv != "RAW" else LONG)
    assert np.array_equal(number, got)


def test_a_uint16_is_a_short_of_the_same_bits(daemon: Daemon, client: Client) -> None:
    name = daemon.prefix + "RAW"
    assert client.put(name, np.array(40000, np.int32))
    assert client.get(name, datatype=SHORT) == 40000 - 65536
    assert client.put(name, np.array(41000 - 65536, np.int16))
    assert client.get(name, datatype=LONG) == 41000


@pytest.mark.parametrize(
    ("pv", "value"),
    [
        ("RAW", 65001),
        ("RAW", 70000),
        ("RAW", -1),
        ("SIGNED", 128),
        ("BYTE", -1),
        ("LEVEL", 40000),
        ("COUNT", 2.0**53 + 2),
        ("COUNT", 0.5),
    ],
)
def test_what_does_not_fit_is_not_put(
    daemon: Daemon, client: Client, pv: str, value: float
) -> None:
    before = client.get(daemon.prefix + pv, datatype=DOUBLE)
    name = daemon.prefix + pv
    # As a double: aioca itself would bring it into the range of the PV's own type.
    put = caput(name, value, wait=True, throw=False, datatype=DOUBLE, timeout=10.0)
    assert client._run(put, 10.0).errorcode == ECA_PUTFAIL
    assert client.get(daemon.prefix + pv, datatype=DOUBLE) == before


def test_an_action_acts_once_a_put_and_reads_back_0(
    daemon: Daemon, client: Client
) -> None:
    name = daemon.prefix + "GO"
    run = client.get(daemon.prefix + "CMD_ID")
    seen = client.monitor(name, datatype=SHORT)
    assert client.put(name, 0)
    assert client.get(daemon.prefix + "CMD_ID") == run
    assert client.put(name, 1)
    assert client.put(name, "Act")
    assert client.get(daemon.prefix + "CMD_ID") == run + 2
    assert client.get(daemon.prefix + "CMD_STATE") == "DONE"
    assert client.get(daemon.prefix + "message") == "GO"
    assert set(seen.values) == {0}


@pytest.mark.parametrize("value", [2, 65535, "nonsense"])
def test_a_bad_put_to_an_action_is_a_rejected_command(
    daemon: Daemon, client: Client, value: int | str
) -> None:
    prefix = daemon.prefix
    assert client.put(prefix + "GO", 1)
    number, told = client.get(prefix + "CMD_ID"), client.monitor(prefix + "message")
    assert not client.put(prefix + "GO", value)
    assert client.get(prefix + "CMD_ID") == number + 1
    assert client.get(prefix + "CMD_STATE") == "REJECTED"
    assert client.get(prefix + "CMD_ERROR").startswith("rejected: ")
    assert client.get(prefix + "GO", datatype=SHORT) == 0
    assert client.alarm(prefix + "GO") == (WRITE, MAJOR)
    assert client.put(prefix + "GO", 1)
    assert client.alarm(prefix + "GO") == (NO_ALARM, NO_ALARM)
    assert len(told.seen) == 2


def test_a_readback_is_what_the_handler_returns_or_posts(
    daemon: Daemon, client: Client
) -> None:
    prefix = daemon.prefix
    assert client.put(prefix + "SPEED", 2.6)
    assert client.get(prefix + "SPEED") == 2.6
    assert client.read(prefix + "SPEED_RBV") == 3.0
    assert client.alarm(prefix + "SPEED_RBV") == (NO_ALARM, NO_ALARM)
    assert not client.put(prefix + "SPEED", 11.0)
    assert client.get(prefix + "SPEED_RBV") == 3.0
    assert client.put(prefix + "MODE", "on")
    assert client.get(prefix + "MODE") == "on"
    assert client.get(prefix + "MODE_RBV") == "off"


@pytest.mark.timing
def test_an_image_tells_its_shape(daemon: Daemon, client: Client) -> None:
    prefix = daemon.prefix
    width = client.monitor(prefix + "FRAME:WIDTH")
    frame = client.monitor(prefix + "FRAME")
    assert client.put(prefix + "GRAB", 1)
    seen = frame.wait_for(lambda seen: len(seen.value) == 10)
    assert np.asarray(seen.value).astype(np.uint16).tolist() == [40000] * 10
    assert width.wait_for(5).at_s <= seen.at_s
    assert client.get(prefix + "FRAME:HEIGHT") == 2
    assert client.get(prefix + "FRAME:DTYPE") == "uint16"
    assert client.get(prefix + "FRAME.FTVL") == "USHORT"
    assert client.get(prefix + "message") == "GRAB bool True"


def test_an_alias_is_the_same_pv(daemon: Daemon, client: Client) -> None:
    assert client.put("OTHER:NAME", 5)
    assert client.get(daemon.prefix + "OLD") == 5
    assert client.get("OTHER:NAME.RTYP") == "longout"
    assert client.get(daemon.prefix + "message") == "OLD int 5"
