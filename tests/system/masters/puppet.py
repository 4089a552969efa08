"""A master's IOC without a mind of its own: its PVs are what the test puts there."""

from caproto import ChannelType
from caproto.server import PVGroup, pvproperty, run


class Puppet(PVGroup):
    Nested_Indices = pvproperty(value="", dtype=str, max_length=1000)
    SHORT = pvproperty(value="", dtype=ChannelType.STRING)
    COUNT = pvproperty(value=0)


if __name__ == "__main__":
    run(Puppet(prefix="M:").pvdb, interfaces=["127.0.0.1"], log_pv_names=False)
