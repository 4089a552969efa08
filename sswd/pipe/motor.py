"""What worker and IOC say to each other about a motor; pure.

Down: commands on the PVs `MOTOR.DVAL`, `MOTOR.HOMF` ..., of which `COMMANDS` are all.
Up: posts of `MOTOR`, each the whole state as JSON text, so that the newest one counts.
"""

import msgspec

MOVE = "DVAL"
HOME_FORWARD = "HOMF"
HOME_REVERSE = "HOMR"
JOG_FORWARD = "JOGF"
JOG_REVERSE = "JOGR"
LOAD = "SET"
"""Make the position where it is this one, without moving."""
VELOCITY = "VELO"
ENABLE = "CNEN"
STOP = "STOP"
"""Stop what moves although no command runs; one that runs is cancelled instead."""
COMMANDS = (
    *(MOVE, HOME_FORWARD, HOME_REVERSE, JOG_FORWARD, JOG_REVERSE, LOAD, VELOCITY),
    *(ENABLE, STOP),
)
JOGS = (JOG_FORWARD, JOG_REVERSE)
MOTIONS = (*JOGS, MOVE, HOME_FORWARD, HOME_REVERSE)
"""Commands after which something moves."""
REPORT_BYTES = 2000
ATTRIBUTES = frozenset(
    {
        *("move", "position", "moving", "stop", "home", "jog", "set_position"),
        *("velocity", "limits", "enabled", "at_high", "at_low", "at_home", "units"),
    }
)
"""What an object that moves may have, and its motor record shows."""


class MotorReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an object that moves is. Positions in its own (dial) units."""

    position: float | None = None
    """None: it is no number now."""
    moving: bool = False
    ended: int = 0
    """Commands of this motor that have ended in this run."""
    at_high: bool = False
    at_low: bool = False
    """Whether it stands at a limit switch."""
    at_home: bool = False
    limits: tuple[float, float] | None = None
    velocity: float | None = None
    enabled: bool | None = None
    units: str | None = None
    """None, here and above: the object does not say."""


def command_names(motor: str) -> list[str]:
    """The commands of a motor by the names under which they cross the pipe."""
    return [f"{motor}.{command}" for command in COMMANDS]


def encode_report(report: MotorReport) -> str:
    """The report as it is posted."""
    return msgspec.json.encode(report).decode()


def decode_report(text: str) -> MotorReport:
    """The other way. Raises ValueError in words."""
    if len(text) > REPORT_BYTES:
        raise ValueError(f"a report of {len(text)} characters")
    try:
        return msgspec.json.decode(text, type=MotorReport)
    except msgspec.MsgspecError as ex:  # a ValueError or not, by its kind
        raise ValueError(f"no report of a motor: {ex}") from None
