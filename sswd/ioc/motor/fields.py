"""The fields of a motor record: values, types, and which can be written. Pure.

Names, types, menus and first values are those of motorRecord.dbd (epics-modules/motor
R7-3); a type here is what the field is on Channel Access. What sswd has no use for is
there with its first value, because clients ask for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sswd.ioc.pvs.record_types import FieldSpec, specs_from

STOP, PAUSE, GO_ONCE, GO = range(4)
"""Values of .SPMG; GO_ONCE is called Move: it goes, and pauses at the target."""


@dataclass
class MotorFields:
    """The values of the fields that sswd knows something of, by their EPICS names.

    Positions are in units of .EGU, times in s, menus by their number.
    """

    VAL: float = 0.0
    DVAL: float = 0.0
    RVAL: int = 0
    RLV: float = 0.0
    RBV: float = 0.0
    DRBV: float = 0.0
    RRBV: int = 0
    RMP: int = 0
    REP: int = 0
    DIFF: float = 0.0
    RDIF: int = 0
    LVAL: float = 0.0
    LDVL: float = 0.0
    LRVL: int = 0
    OFF: float = 0.0
    DIR: int = 0
    FOFF: int = 0
    SET: int = 0
    HLM: float = 0.0
    LLM: float = 0.0
    DHLM: float = 0.0
    DLLM: float = 0.0
    RHLM: float = 0.0
    RLLM: float = 0.0
    HLS: int = 0
    LLS: int = 0
    RHLS: int = 0
    RLLS: int = 0
    ATHM: int = 0
    LVIO: int = 0
    DMOV: int = 0
    MOVN: int = 0
    TDIR: int = 0
    CDIR: int = 0
    MSTA: int = 0
    MISS: int = 0
    RCNT: int = 0
    RTRY: int = 0
    RDBD: float = 0.0
    SPDB: float = 0.0
    SPMG: int = GO
    LSPG: int = GO
    STOP: int = 0
    SYNC: int = 0
    HOMF: int = 0
    HOMR: int = 0
    JOGF: int = 0
    JOGR: int = 0
    TWF: int = 0
    TWR: int = 0
    TWV: float = 1.0
    VELO: float = 1.0
    VMAX: float = 0.0
    VBAS: float = 0.0
    ACCL: float = 0.2
    ACCS: float = 0.0
    JVEL: float = 1.0
    JAR: float = 0.0
    HVEL: float = 1.0
    BVEL: float = 1.0
    S: float = 0.0
    SMAX: float = 0.0
    MRES: float = 0.001
    ERES: float = 0.001
    UREV: float = 0.2
    SREV: int = 200
    CNEN: int = 0

    @property
    def sign(self) -> int:
        """1 where user and dial position run the same way, else -1."""
        return -1 if self.DIR else 1

    def to_user(self, dial: float) -> float:
        """A dial position as a user position."""
        return self.sign * dial + self.OFF

    def to_dial(self, user: float) -> float:
        """A user position as a dial position."""
        return (user - self.OFF) / self.sign

    def to_raw(self, dial: float) -> int:
        """A dial position in steps, within what a LONG holds."""
        steps = dial / self.MRES
        return round(max(-(2.0**31), min(2.0**31 - 1, steps)))


WRITABLE = frozenset(
    (
        *("VAL", "DVAL", "RVAL", "RLV", "TWF", "TWR", "TWV", "STOP", "SPMG", "SYNC"),
        *("HOMF", "HOMR", "JOGF", "JOGR", "SET", "OFF", "DIR", "FOFF", "SSET", "SUSE"),
        *("FOF", "VOF", "HLM", "LLM", "DHLM", "DLLM", "VELO", "ACCL", "RTRY", "RDBD"),
        *("SPDB", "CNEN", "JVEL", "STUP"),
    )
)
"""Fields that clients may write; in the others nothing of a driver would change."""

DRIVE = frozenset(("VAL", "DVAL", "RVAL", "RLV", "TWF", "TWR"))
"""Fields of which each put is a move, or the refusal of one."""

WAITS = DRIVE | {"STOP", "SPMG", "SYNC", "HOMF", "HOMR", "JOGF", "JOGR"}
"""Fields whose put with callback is answered when the motor is at rest."""

_MENUS: dict[str, tuple[str, ...]] = {
    "direction": ("Pos", "Neg"),
    "use_set": ("Use", "Set"),
    "stop_go": ("Stop", "Pause", "Move", "Go"),
    "offset_mode": ("Variable", "Frozen"),
    "enable": ("Disable", "Enable"),
    "use_encoder": ("No", "Yes"),
    "update": ("OFF", "ON", "BUSY"),
    "retry_mode": ("Default", "Arithmetic", "Geometric", "In-Position"),
    "restore_mode": ("Never", "Always", "NearZero", "Conditional"),
    "acceleration": ("Use ACCL", "Use ACCS"),
}
_MOTOR = {
    "double": (
        "OFF VELO VBAS VMAX S SBAS SMAX ACCL ACCS BDST BVEL SBAK BACC UREV MRES ERES "
        "RRES RHLM RLLM HLM LLM DHLM DLLM HOPR LOPR HIHI LOLO HIGH LOW RDBD SPDB TWV "
        "LVAL DVAL LDVL RLV LRLV RBV DRBV DIFF DLY PCOF ICOF DCOF JVEL JAR HVEL ADEL "
        "MDEL ALST MLST"
    ),
    "float": "VERS=7 FRAC=1",
    "long": "SREV RVAL LRVL RDIF RRBV RMP REP RVEL MIP NTMF=2",
    "count": "MSTA MMAP NMAP",
    "short": (
        "FOF VOF SSET SUSE CARD PREC HLS LLS RHLS RLLS RCNT RTRY MISS STOP HOMF HOMR "
        "JOGF JOGR TWF TWR CDIR DMOV MOVN LVIO TDIR ATHM PP SYNC IGSET"
    ),
    "string:16": "EGU",
    "string:40": "INIT PREM POST",
    "link": "OUT RDBL DOL RLNK STOO DINP RINP",
    "direction": "DIR",
    "use_set": "SET",
    "stop_go": "SPMG LSPG",
    "offset_mode": "FOFF",
    "enable": "CNEN",
    "use_encoder": "UEIP URIP",
    "update": "STUP",
    "retry_mode": "RMOD",
    "restore_mode": "RSTM=2",
    "acceleration": "ACCU",
    "severity": "HHSV LLSV HSV LSV HLSV",
    "output_mode": "OMSL",
    "yes_no": "LOCK NTM=1",
}
SPECS: Mapping[str, FieldSpec] = specs_from(_MOTOR, _MENUS)
"""The fields by name, those of every record among them, VAL not."""
