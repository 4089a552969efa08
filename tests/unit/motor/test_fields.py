"""The fields of a motor: those of caproto's motor record, with the types of CA."""

from typing import Any

import pytest
from caproto import AccessRights, ChannelType
from caproto.server import PVGroup, pvproperty

from sswd.config.keys import MotorConfig
from sswd.ioc.motor.channel import MotorChannel, make_channel
from sswd.ioc.motor.fields import DRIVE, SPECS, WAITS, WRITABLE
from sswd.ioc.motor.puts import _PUTS
from sswd.ioc.motor.record import MotorRecord

USHORT_OR_ULONG = {
    **dict.fromkeys(("MIP", "NTMF"), ChannelType.LONG),
    **dict.fromkeys(("MSTA", "MMAP", "NMAP"), ChannelType.DOUBLE),
}
"""caproto has them as INT and LONG; CA carries a USHORT as LONG, a ULONG as DOUBLE."""


class Group(PVGroup):  # type: ignore[misc]
    """caproto's motor record."""

    motor = pvproperty(value=0.0, record="motor")


THEIRS = {
    name.rpartition(".")[2]: field
    for name, field in Group(prefix="").motor.field_inst.pvdb.items()
}


async def nobody(_field: str, _value: float) -> None:
    raise AssertionError("nothing is put here")


@pytest.fixture
def channel() -> MotorChannel:
    config = MotorConfig(units="mm", precision=2, limits=(-1.0, 3.0), description="X")
    made = make_channel("M", "T:", config)
    made.bind(MotorRecord(config).fields, nobody, lambda _f, words: ValueError(words))
    made.show()
    return made


def test_every_field_of_caproto_is_there() -> None:
    assert set(THEIRS) - set(SPECS) <= {"VAL"}


@pytest.mark.parametrize("name", sorted(set(THEIRS) & set(SPECS)))
def test_a_field_has_the_type_of_the_motor_record(
    channel: MotorChannel, name: str
) -> None:
    ours: Any = channel.get_field(name)
    theirs: Any = THEIRS[name]
    wanted = USHORT_OR_ULONG.get(name, theirs.data_type)
    assert ours.data_type == wanted
    assert list(getattr(ours, "enum_strings", ())) == list(
        getattr(theirs, "enum_strings", ())
    )


@pytest.mark.parametrize("name", sorted(SPECS))
def test_what_can_be_written(channel: MotorChannel, name: str) -> None:
    is_writable = AccessRights.WRITE in channel.get_field(name).check_access("", "")
    assert is_writable == (name in WRITABLE)


def test_every_writable_field_does_something() -> None:
    assert set(_PUTS) == set(WRITABLE)
    assert DRIVE < WAITS < WRITABLE


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RTYP", "motor"),
        ("NAME", "T:M"),
        ("DESC", "X"),
        ("EGU", "mm"),
        ("PREC", 2),
        ("SPMG", "Go"),
        ("SET", "Use"),
        ("DIR", "Pos"),
        ("FOFF", "Variable"),
        ("DMOV", 0),
        ("HLM", 3.0),
        ("LLM", -1.0),
        ("MRES", 0.01),
        ("SREV", 200),
        ("NTM", "YES"),
        ("RSTM", "NearZero"),
    ],
)
def test_first_values(channel: MotorChannel, name: str, value: object) -> None:
    assert channel.get_field(name).value == value


@pytest.mark.parametrize("name", ["VAL", "RBV", "DVAL", "DRBV"])
def test_positions_carry_limits_units_and_precision(
    channel: MotorChannel, name: str
) -> None:
    field = channel.get_field(name)
    assert (field.lower_ctrl_limit, field.upper_ctrl_limit) == (-1.0, 3.0)
    assert (field.units, field.precision) == ("mm", 2)


def test_an_unknown_field(channel: MotorChannel) -> None:
    with pytest.raises(KeyError):
        channel.get_field("NONE")
