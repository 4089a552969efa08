"""The PVs of base.db as a caproto group."""

from caproto import ChannelType
from caproto.server import PVGroup, pvproperty

LIMITS = {
    "upper_disp_limit": 100,
    "lower_disp_limit": -100,
    "upper_ctrl_limit": 50,
    "lower_ctrl_limit": -50,
    "upper_alarm_limit": 90,
    "upper_warning_limit": 80,
    "lower_warning_limit": -80,
    "lower_alarm_limit": -90,
}


def _array(dtype, value, **more):
    return pvproperty(dtype=dtype, value=value, max_length=5, record="waveform", **more)


class Group(PVGroup):
    """Every native type, scalar and array; each PV with an alarm of its own."""

    DOUBLE = pvproperty(
        value=1.5,
        record="ao",
        units="mm",
        precision=3,
        doc="a double",
        alarm_group="a",
        **LIMITS,
    )
    LONG = pvproperty(
        value=42,
        record="longout",
        units="counts",
        alarm_group="b",
        **(LIMITS | {"upper_alarm_limit": 46, "upper_warning_limit": 45}),
    )
    ENUM = pvproperty(
        dtype=ChannelType.ENUM,
        value="slow",
        record="mbbo",
        alarm_group="c",
        enum_strings=["off", "slow", "fast"],
    )
    STRING = pvproperty(
        dtype=ChannelType.STRING, value="hello", record="stringout", alarm_group="d"
    )
    DOUBLES = _array(
        ChannelType.DOUBLE,
        [0.0],
        units="V",
        precision=2,
        alarm_group="e",
        upper_disp_limit=10,
        lower_disp_limit=-10,
        upper_ctrl_limit=10,
        lower_ctrl_limit=-10,
    )
    FLOATS = _array(ChannelType.FLOAT, [0.0], precision=2, alarm_group="f")
    SHORTS = _array(ChannelType.INT, [0], alarm_group="g")
    LONGS = _array(ChannelType.LONG, [0], alarm_group="h")
    CHARS = _array(bytes, b"\0", alarm_group="i", strip_null_terminator=False)
    STRINGS = _array(ChannelType.STRING, [""], alarm_group="j")
