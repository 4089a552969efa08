"""Rules that follow a PV of another IOC: its value, its alarm, its end."""

import asyncio

from caproto.server import PVGroup, pvproperty

from sswd.access import READ, WRITE
from sswd.alarm import Alarm, Severity, Status
from sswd.config import from_dict
from sswd.ioc.ca import post
from sswd.ioc.daemon.access import AccessControl
from sswd.ioc.daemon.composed import compose

BOTH = READ | WRITE
ACF = """
ASG(DEFAULT) {
    INPA("FAR:gate")
    RULE(1, READ)
    RULE(1, WRITE) { CALC("A=1") }
}
"""
BAD = Alarm(Severity.INVALID, Status.COMM, "the cable")
GOOD = Alarm()


class Far(PVGroup):
    gate = pvproperty(value=1.0, record="ao")


class Circuits:
    """What AccessControl needs of the server: it is told of changes."""

    def __init__(self):
        self.changes = 0

    def use_access(self, _access):
        pass

    def access_changed(self):
        self.changes += 1


class Client:
    user, host, address = "eve", "claimed", ("10.0.0.5", 5000)


async def test_rules_follow_a_pv_of_another_ioc(serving, port, tmp_path, caplog):
    (tmp_path / "site.acf").write_text(ACF)
    table = {"access": {"file": "site.acf"}, "system": {"s": {"target": "a:B"}}}
    config = from_dict(table, "test")
    composed = compose(config, tmp_path)
    composed.guardian.close()
    access = AccessControl(config, tmp_path, composed.servers, composed.pvdb)
    circuits = Circuits()

    async def becomes(rights):
        async with asyncio.timeout(20):
            while access.granted(Client(), "CMD", None).rights != rights:
                await asyncio.sleep(0.005)

    access.start(circuits)
    assert access.granted(Client(), "CMD", None).rights == READ, "not known yet"
    far = Far(prefix="FAR:")
    async with serving(far.pvdb):
        await becomes(BOTH)
        post(far.gate, 0.0)
        await becomes(READ)
        post(far.gate, 1.0)
        await becomes(BOTH)
        post(far.gate, 1.0, alarm=BAD)
        await becomes(READ)
        post(far.gate, 1.0, alarm=GOOD)
        await becomes(BOTH)
    await becomes(READ)
    await access.close()
    assert "access: INPA(FAR:gate) of ASG(DEFAULT): " in caplog.text
    assert "; rules with it do not apply" in caplog.text
    assert circuits.changes == 6
