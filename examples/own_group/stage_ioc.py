"""The IOC: one's own PVGroup in caproto's style, with sswd's Server in it."""

from caproto.server import PVGroup, SubGroup, pvproperty

from sswd.ioc import Server


class StageIOC(PVGroup):
    """`seq:` has CMD, ACK, values and the worker; the rest is plain caproto."""

    seq = SubGroup(Server, prefix="seq:")

    SPEED = pvproperty(
        value=1.0, record="ao", units="mm/s", precision=3, doc="Speed of the stage"
    )
    HOME = pvproperty(value=0, record="longout", doc="Sends the stage to 0")
    COUNT = pvproperty(value=0, record="longin", read_only=True, doc="Putters run")

    @SPEED.putter
    async def SPEED(self, instance, value):
        if value <= 0:
            raise ValueError("the speed must be above 0")
        await self.seq.system_io_execute(pv_name="SPEED", value=value)
        await self.COUNT.write(self.COUNT.value + 1)

    @HOME.putter
    async def HOME(self, instance, value):
        await self.seq.system_io_execute(pv_name="CMD", value="[0]")
