"""The events of one number under dead bands and alarm limits, as EPICS base's `ai`.

The same values go to a record of EPICS base (by puts) and to a declared PV (by posts).
Monitors of every mask must get the same events: value, status, severity, in order, and
time stamps that advance.
"""

import asyncio
import contextlib
import itertools
import math
import struct
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import ca_raw as ca
from base_ioc import serving_base

from sswd.config.keys import PvConfig
from sswd.ioc.pvs.declared import declare
from sswd.ioc.pvs.fed_pv import FedPv
from sswd.ioc.pvs.publisher import Publisher

MASKS = {"value": 1, "log": 2, "alarm": 4, "value|alarm": 5, "all": 7}
TIME_DOUBLE, DOUBLE = 20, 6
NAN, INF = math.nan, math.inf
LIMITS = {"hihi": 10.0, "high": 8.0, "low": 2.0, "lolo": 0.0, "hysteresis": 0.5}
WALK = [5.0, 5.0, 5.4, 5.6, 7.9, 8.0, 7.6, 7.4, 10.0, 9.6, 9.4, 5.0, NAN, NAN, 5.0, INF]
WALK += [5.0, 2.0, 2.4, 2.6, -1.0, -1.0, 0.4, 0.6, 3.0, 5.0]
CASES = [
    {"mdel": mdel, "adel": adel, **limits}
    for mdel, adel in itertools.product((-1.0, 0.0, 0.5), repeat=2)
    for limits in ({}, LIMITS)
]
FIELDS = {
    "hihi": "HIHI",
    "high": "HIGH",
    "low": "LOW",
    "lolo": "LOLO",
    "hysteresis": "HYST",
    "mdel": "MDEL",
    "adel": "ADEL",
}
SEVERITIES = {"HHSV": "MAJOR", "HSV": "MINOR", "LSV": "MINOR", "LLSV": "MAJOR"}


def record(name: str, case: dict[str, float]) -> str:
    fields = {FIELDS[key]: value for key, value in case.items()}
    if "hihi" in case:
        fields.update(SEVERITIES)
    text = " ".join(f'field({key}, "{value}")' for key, value in fields.items())
    return f'record(ai, "X:{name}") {{ field(VAL, "5") field(PINI, "YES") {text} }}\n'


@pytest.fixture(scope="module")
def base_port(tmp_path_factory):
    """EPICS base with one `ai` for each case."""
    database = tmp_path_factory.mktemp("base") / "ai.db"
    database.write_text("".join(record(f"AI{i}", c) for i, c in enumerate(CASES)))
    with serving_base(database) as port:
        yield port


class Watched:
    """Monitors of every mask on one channel, and what they have got."""

    def __init__(self, port: int, name: str) -> None:
        self.port, self.name = port, name
        self.client = ca.RawClient()
        masks = MASKS.values()
        self.events: dict[int, list[tuple[object, ...]]] = {m: [] for m in masks}
        self.stamps: dict[int, list[tuple[int, int]]] = {m: [] for m in masks}

    async def begin(self) -> None:
        await self.client.connect(self.port)
        self.channel = await self.client.create(self.name)
        for mask in MASKS.values():
            await self.client.monitor(
                self.channel, TIME_DOUBLE, 1, mask=mask, subid=mask
            )
        await self.settle()
        for events in self.events.values():
            events.clear()  # the present value, at the beginning of each

    async def put(self, value: float) -> None:
        body = struct.pack("!d", value)
        await self.client.put(self.channel, body, DOUBLE, 1, notify=False)

    async def settle(self) -> None:
        """Take all that has been sent: base sends events and echoes by two threads."""
        await self.client.send(ca.message(ca.ECHO))
        while True:
            message = await self.client.receive(timeout=5)
            if message.cmd == ca.ECHO:
                break
            self.take(message)
        with contextlib.suppress(TimeoutError):
            while True:
                self.take(await self.client.receive(timeout=0.02))

    def take(self, message) -> None:
        if message.cmd != ca.EVENT_ADD:
            return
        status, severity, seconds, ns = struct.unpack_from("!hhII", message.body)
        (value,) = struct.unpack_from("!d", message.body, 16)
        # As text, or a NaN would not equal itself.
        self.events[message.p2].append((repr(value), status, severity))
        self.stamps[message.p2].append((seconds, ns))


@pytest.mark.row(45, 46)
@pytest.mark.parametrize("number", range(len(CASES)))
async def test_the_same_values_make_the_same_events(number, base_port, port, serving):
    case = CASES[number]
    channels, publisher = _served(case)
    async with serving(channels):
        base = Watched(base_port, f"X:AI{number}")
        own = Watched(port, "X:AI")
        try:
            await asyncio.gather(base.begin(), own.begin())
            for value in WALK:
                await base.put(value)
                publisher.publish("AI", value, None)
                await asyncio.gather(base.settle(), own.settle())
        finally:
            base.client.close()
            own.client.close()
    for name, mask in MASKS.items():
        assert own.events[mask] == base.events[mask], name
        assert own.stamps[mask] == sorted(set(own.stamps[mask])), name
    assert base.events[MASKS["value"]]


def _served(case):
    async def forward(_pv: str, _value: object) -> None: ...

    config = PvConfig(type="float", value=5.0, **case)
    channels = declare({"AI": config}, prefix="X:", forward=forward)
    refused = declare({"R": PvConfig(type="int")}, prefix="X:", forward=forward)["R"]
    publisher = Publisher("s", refused)
    fed = FedPv(channels["AI"], is_writable=False, rules=channels["AI"].rules)
    publisher.add("AI", fed, is_fed=True)
    return {"X:AI": channels["AI"], "X:R": refused}, publisher
