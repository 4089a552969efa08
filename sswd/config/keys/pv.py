"""Keys of one PV: `[system.NAME.pvs.PV]`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from sswd.config.keys.bounds import Seconds
from sswd.sizes import CMD_BYTES, DESC_CHARACTERS, STRING_BYTES

PvType = Literal[
    "float",
    "int",
    "bool",
    "enum",
    "str",
    "text",
    "bytes",
    "action",
    "float32",
    "int64",
    "int16",
    "uint16",
    "int8",
    "uint8",
]
FLOATS = ("float", "float32")
INTEGERS: dict[str, tuple[int, int]] = {
    "int": (-(2**31), 2**31 - 1),
    "int64": (-(2**53), 2**53),
    "int16": (-(2**15), 2**15 - 1),
    "uint16": (0, 2**16 - 1),
    "int8": (-(2**7), 2**7 - 1),
    "uint8": (0, 2**8 - 1),
}
"""The least and the greatest number of each integer type. An int64 travels as a double,
which has no odd numbers beyond 2**53."""
NUMBERS = (*FLOATS, *INTEGERS)
ACTION_STRINGS = ("Ready", "Act")
"""The states of an action: it reads back the first."""
Scalar = bool | int | float | str
SeverityName = Literal["NO_ALARM", "MINOR", "MAJOR", "INVALID"]


class PvConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One PV that the system posts, or that clients write and sswd forwards."""

    type: Annotated[
        PvType,
        Meta(
            description="float, int (32 bits), bool, enum (needs strings), str (EPICS "
            f"string, {STRING_BYTES} bytes), text (long string), bytes (uint8, for "
            "images), action (a button), float32, int64 (sent as a double, up to "
            "2**53), int16, uint16 (sent as a short of the same bits), int8 or uint8"
        ),
    ]
    value: Annotated[
        Scalar | tuple[Scalar, ...] | None,
        Meta(
            description="initial value; 0, false, the first string or empty unless "
            "given"
        ),
    ] = None
    units: Annotated[
        str,
        Meta(description="engineering units (.EGU); CA metadata carries 7 bytes of it"),
    ] = ""
    precision: Annotated[
        Annotated[int, Meta(ge=0, le=15)] | None,
        Meta(
            description="decimals that displays show of a float (.PREC); 3 unless given"
        ),
    ] = None
    limits: Annotated[
        tuple[float, float] | None,
        Meta(
            description="[low, high] of a float or int; puts outside are REJECTED, "
            "posts are not bound by them"
        ),
    ] = None
    writable: Annotated[
        bool, Meta(description="clients may write; writes are forwarded as commands")
    ] = False
    description: Annotated[
        str,
        Meta(
            description=f"what the PV is; .DESC carries its first {DESC_CHARACTERS} "
            "characters"
        ),
    ] = ""
    strings: Annotated[
        tuple[str, ...],
        Meta(
            description="states of an enum (at most 16 of 25 bytes), or the two of a "
            "bool, which are Off and On unless given"
        ),
    ] = ()
    length: Annotated[
        Annotated[int, Meta(ge=1, le=2**28)] | None,
        Meta(
            description="makes an array of at most so many numbers or str; the "
            f"capacity in bytes of text ({CMD_BYTES} unless given) and bytes (required)"
        ),
    ] = None
    shape: Annotated[
        tuple[Annotated[int, Meta(ge=1)], Annotated[int, Meta(ge=1)]] | None,
        Meta(
            description="[height, width] of an image: makes an array of so many "
            "numbers, and the PVs NAME:WIDTH, NAME:HEIGHT and NAME:DTYPE tell what the "
            "last one had"
        ),
    ] = None
    readback: Annotated[
        bool,
        Meta(
            description="this PV is the setpoint, and NAME_RBV beside it is what the "
            "system posts as NAME_RBV, or what its `on_name` returns"
        ),
    ] = False
    restore: Annotated[
        bool | Literal["show", "ask"],
        Meta(
            description="saved to disk and back after a restart: true, the last "
            'accepted put runs as a command again; "show", the value is shown and no '
            'more; "ask", as true unless the system posts the PV by the end of setup'
        ),
    ] = False
    aliases: Annotated[
        tuple[str, ...],
        Meta(description="whole names, without prefix, that name the same PV"),
    ] = ()
    depends: Annotated[
        tuple[str, ...],
        Meta(
            description="inputs of the system without which this value means nothing: "
            "it is INVALID/LINK while one of them is lost or INVALID"
        ),
    ] = ()
    finite: Annotated[
        bool, Meta(description="refuse NaN and infinity, in puts and in posts")
    ] = False
    attribute: Annotated[
        str,
        Meta(
            description="what the PV is in a wrapped driver (a target of pymeasure:, "
            'qcodes: or object:), "ch_1.voltage"; the PV\'s name in lower case, with '
            "points for colons, unless given"
        ),
    ] = ""
    poll_s: Annotated[
        Annotated[float, Meta(ge=0, le=86_400)] | None,
        Meta(
            description="time between two readings by a wrapped driver; 0: one reading "
            "after each connect; never read unless given"
        ),
    ] = None
    pending: Annotated[
        Literal["fifo", "latest"],
        Meta(
            description="puts that wait: all of them in order, or a newer one replaces "
            "the older, which ends REJECTED"
        ),
    ] = "fifo"
    timeout_s: Annotated[
        Seconds | None,
        Meta(description="deadline of a put on this PV; the system's unless given"),
    ] = None

    hihi: Annotated[
        float | None,
        Meta(description="a value of this or above is in alarm (.HIHI), MAJOR"),
    ] = None
    high: Annotated[
        float | None,
        Meta(description="a value of this or above is in alarm (.HIGH), MINOR"),
    ] = None
    low: Annotated[
        float | None,
        Meta(description="a value of this or below is in alarm (.LOW), MINOR"),
    ] = None
    lolo: Annotated[
        float | None,
        Meta(description="a value of this or below is in alarm (.LOLO), MAJOR"),
    ] = None
    hysteresis: Annotated[
        float,
        Meta(ge=0, description="how far a value must come back before its alarm ends"),
    ] = 0.0
    hhsv: Annotated[
        SeverityName | None, Meta(description="severity of hihi; MAJOR unless given")
    ] = None
    hsv: Annotated[
        SeverityName | None, Meta(description="severity of high; MINOR unless given")
    ] = None
    lsv: Annotated[
        SeverityName | None, Meta(description="severity of low; MINOR unless given")
    ] = None
    llsv: Annotated[
        SeverityName | None, Meta(description="severity of lolo; MAJOR unless given")
    ] = None
    state_severity: Annotated[
        dict[str, SeverityName],
        Meta(
            description="severities of states of an enum or bool, by string (.ZSV, "
            ".ONSV, .OSV ...)"
        ),
    ] = {}
    writable_limits: Annotated[
        bool,
        Meta(
            description="clients may write .HIHI .HIGH .LOW .LOLO, their severities "
            "and .HYST"
        ),
    ] = False
    mdel: Annotated[
        float | None,
        Meta(
            description="monitors get a value that differs by more (.MDEL); 0 unless "
            "given: every change; -1: every post"
        ),
    ] = None
    adel: Annotated[
        float | None,
        Meta(
            description="archivers get a value that differs by more (.ADEL); 0 unless "
            "given: every change; -1: every post"
        ),
    ] = None
    always: Annotated[
        bool | None,
        Meta(
            description="every post is an event, equal values too; true for arrays and "
            "text unless given, false for others"
        ),
    ] = None
    stale_s: Annotated[
        Annotated[float, Meta(ge=0, le=31_536_000)],
        Meta(
            description="a value that was not posted for so long is INVALID/TIMEOUT; "
            "0: never"
        ),
    ] = 0.0

    asg: Annotated[
        str | None,
        Meta(description="access security group; the system's unless given"),
    ] = None

    @property
    def is_array(self) -> bool:
        """Whether it holds several numbers or str; text and bytes are not arrays."""
        has_length = self.length is not None or self.shape is not None
        return has_length and self.type not in ("text", "bytes")

    @property
    def capacity(self) -> int:
        """The most elements it holds: of an array, bytes of text and bytes, else 1."""
        if self.type == "text":
            return self.length or CMD_BYTES
        if self.length is None and self.shape is not None:
            return self.shape[0] * self.shape[1]
        return self.length or 1

    @property
    def takes_puts(self) -> bool:
        """Whether clients may write it: it is writable, or an action."""
        return self.writable or self.type == "action"

    @property
    def states(self) -> tuple[str, ...]:
        """The strings of an enum, a bool or an action; empty for the other types."""
        if self.type == "action":
            return ACTION_STRINGS
        if self.type == "bool":
            return self.strings or ("Off", "On")
        return self.strings
