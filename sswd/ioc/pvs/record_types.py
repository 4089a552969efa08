"""Which fields each record type has, and what an unused one holds. Pure.

Types, sizes, menus and first values are those of EPICS base 7.0 (*Record.dbd,
dbCommon.dbd, menu*.dbd). A type here is what the field is on Channel Access: USHORT is
LONG there, ULONG is DOUBLE, and a link is text. What a field of ours holds otherwise is
said in record_values.py.
"""

import functools
from collections.abc import Iterable, Mapping
from typing import NamedTuple

_SEVERITY = ("NO_ALARM", "MINOR", "MAJOR", "INVALID")
MENUS: dict[str, tuple[str, ...]] = {
    "severity": _SEVERITY,
    "status": (
        *("NO_ALARM", "READ", "WRITE", "HIHI", "HIGH", "LOLO", "LOW", "STATE", "COS"),
        *("COMM", "TIMEOUT", "HWLIMIT", "CALC", "SCAN", "LINK", "SOFT", "BAD_SUB"),
        *("UDF", "DISABLE", "SIMM", "READ_ACCESS", "WRITE_ACCESS"),
    ),
    "scan": (
        *("Passive", "Event", "I/O Intr", "10 second", "5 second", "2 second"),
        *("1 second", ".5 second", ".2 second", ".1 second"),
    ),
    "pini": ("NO", "YES", "RUN", "RUNNING", "PAUSE", "PAUSED"),
    "priority": ("LOW", "MEDIUM", "HIGH"),
    "yes_no": ("NO", "YES"),
    "simulation": ("NO", "YES", "RAW"),
    "device": ("Soft Channel",),
    "convert": (
        *("NO CONVERSION", "SLOPE", "LINEAR", "typeKdegF", "typeKdegC", "typeJdegF"),
        *("typeJdegC", "typeEdegF(ixe only)", "typeEdegC(ixe only)", "typeTdegF"),
        *("typeTdegC", "typeRdegF", "typeRdegC", "typeSdegF", "typeSdegC"),
    ),
    "invalid_output": (
        *("Continue normally", "Don't drive outputs", "Set output to IVOV"),
    ),
    "output_mode": ("supervisory", "closed_loop"),
    "incremental": ("Full", "Incremental"),
    "output_option": (
        *("Every Time", "On Change", "When Zero", "When Non-zero"),
        *("Transition To Zero", "Transition To Non-zero"),
    ),
    "post": ("On Change", "Always"),
    "waveform_post": ("Always", "On Change"),
    "element": (
        *("STRING", "CHAR", "UCHAR", "SHORT", "USHORT", "LONG", "ULONG", "INT64"),
        *("UINT64", "FLOAT", "DOUBLE", "ENUM"),
    ),
}
STATES = (
    *("ZR", "ON", "TW", "TH", "FR", "FV", "SX", "SV"),
    *("EI", "NI", "TE", "EL", "TV", "TT", "FT", "FF"),
)
"""How the fields of an mbbi's states begin."""

LINK_BYTES = 1024
_COMMON = {
    "string:61": "NAME",
    "string:41": "DESC",
    "string:40": "EVNT AMSG NAMSG",
    "string:29": "ASG",
    "string:20": "RTYP",
    "link": "FLNK SDIS SIML SIOL TSEL",
    "char": "DISP LCNT PACT PROC PUTF RPRO TPRO UDF",
    "short": "DISA DISV=1 PHAS TSE",
    "double": "SDLY=-1",
    "count": "UTAG",
    "severity": "ACKS DISS NSEV SEVR SIMS UDFS=3",
    "status": "NSTA STAT",
    "scan": "SCAN",
    "pini": "PINI",
    "priority": "PRIO",
    "yes_no": "ACKT=1",
    "simulation": "OLDSIMM",
    "device": "DTYP",
}
_LIMITS = "ADEL ALST HIGH HIHI HOPR HYST LALM LOLO LOPR LOW MDEL MLST"
_NUMBER = {"severity": "HHSV HSV LSV LLSV", "string:16": "EGU"}
_OUTPUT = {"link": "DOL OUT", "invalid_output": "IVOA", "output_mode": "OMSL"}
_ANALOG = {
    "double": f"{_LIMITS} AOFF EGUF EGUL EOFF ESLO=1",
    "short": "INIT LBRK PREC",
    "long": "ORAW RVAL",
    "count": "ROFF",
    "convert": "LINR",
    "simulation": "SIMM",
}
_TWO_STATES = {
    "string:26": "ZNAM ONAM",
    "severity": "ZSV OSV COSV",
    "long": "LALM MLST",
    "count": "MASK ORAW RVAL",
    "simulation": "SIMM",
}
_STATES = {
    "string:26": " ".join(f"{state}ST" for state in STATES),
    "severity": " ".join(f"{state}SV" for state in STATES) + " UNSV COSV",
    "count": " ".join(f"{state}VL" for state in STATES) + " MASK ORAW RVAL",
    "long": "LALM MLST NOBT SHFT",
    "short": "SDEF",
    "simulation": "SIMM",
}
_TEXT = {"post": "APST MPST", "yes_no": "SIMM"}
_INPUT = {"link": "INP"}
_RECORDS: dict[str, tuple[Mapping[str, str], ...]] = {
    "ai": (_NUMBER, _ANALOG, _INPUT, {"double": "AFTC AFVL ASLO=1 SMOO SVAL"}),
    "ao": (
        _NUMBER,
        _ANALOG,
        _OUTPUT,
        {"double": "ASLO DRVH DRVL IVOV OROC OVAL PVAL", "long": "ORBV RBV"},
        {"char": "OMOD", "incremental": "OIF"},
    ),
    "longin": (
        _NUMBER,
        _INPUT,
        {"long": f"{_LIMITS} SVAL", "double": "AFTC AFVL", "yes_no": "SIMM"},
    ),
    "longout": (
        _NUMBER,
        _OUTPUT,
        {"long": f"{_LIMITS} DRVH DRVL IVOV PVAL", "yes_no": "SIMM OOCH=1"},
        {"output_option": "OOPT"},
    ),
    "int64in": (
        _NUMBER,
        _INPUT,
        {"count": f"{_LIMITS} SVAL", "double": "AFTC AFVL", "yes_no": "SIMM"},
    ),
    "int64out": (
        _NUMBER,
        _OUTPUT,
        {"count": f"{_LIMITS} DRVH DRVL IVOV", "yes_no": "SIMM"},
    ),
    "bi": (_TWO_STATES, _INPUT, {"count": "SVAL"}),
    "bo": (
        _TWO_STATES,
        _OUTPUT,
        {"double": "HIGH", "long": "IVOV"},
        {"count": "ORBV RBV"},
    ),
    "mbbi": (_STATES, _INPUT, {"double": "AFTC AFVL", "count": "SVAL"}),
    "mbbo": (_STATES, _OUTPUT, {"long": "IVOV", "count": "ORBV RBV"}),
    "stringin": (_TEXT, _INPUT, {"string:40": "OVAL SVAL"}),
    "stringout": (_TEXT, _OUTPUT, {"string:40": "OVAL IVOV"}),
    "lsi": (_TEXT, _INPUT, {"count": "LEN OLEN", "long": "SIZV"}),
    "lso": (
        _TEXT,
        _OUTPUT,
        {"count": "LEN OLEN", "long": "SIZV", "string:40": "IVOV"},
    ),
    "waveform": (
        {"string:16": "EGU", "double": "HOPR LOPR", "short": "PREC BUSY RARM"},
        {"element": "FTVL", "count": "HASH NELM=1 NORD", "waveform_post": "APST MPST"},
        {"yes_no": "SIMM"},
        _INPUT,
    ),
}


class FieldSpec(NamedTuple):
    """One field of a record type."""

    kind: str
    """string, link, char, short, long, double, count (a DOUBLE without decimals), or
    a menu."""
    initial: int | str
    size: int
    """Bytes of a string or link, its NUL included."""
    menu: tuple[str, ...] = ()
    """The choices of a menu field, () for others."""


@functools.cache
def fields_of(record: str) -> Mapping[str, FieldSpec]:
    """The fields of a record type by name, VAL not among them.

    Raises KeyError for a type that sswd does not serve.
    """
    return _specs((_COMMON, *_RECORDS[record]), MENUS)


def specs_from(
    own: Mapping[str, str], menus: Mapping[str, tuple[str, ...]]
) -> Mapping[str, FieldSpec]:
    """The fields of a record type that is none of EPICS base's: those of every record,
    and its `own` in the way of the tables above, with its `menus`."""
    return _specs((_COMMON, own), {**MENUS, **menus})


def _specs(
    parts: Iterable[Mapping[str, str]], menus: Mapping[str, tuple[str, ...]]
) -> dict[str, FieldSpec]:
    found: dict[str, FieldSpec] = {}
    for part in parts:
        for kind_and_size, names in part.items():
            kind, _, size = kind_and_size.partition(":")
            is_text = kind in ("string", "link")
            for name_and_initial in names.split():
                name, _, initial = name_and_initial.partition("=")
                first = "" if is_text else int(initial or 0)
                found[name] = FieldSpec(
                    kind, first, int(size or LINK_BYTES), menus.get(kind, ())
                )
    return found


RECORD_TYPES = tuple(_RECORDS)
