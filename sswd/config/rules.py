"""What values of the configuration go together; pure.

The functions yield (key, text) pairs: the key where the mistake is, relative to what
was given ("" for itself), and words that tell the mend.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import TypeGuard

from sswd.config.keys import (
    Config,
    PvConfig,
    RestartConfig,
    Scalar,
    SystemConfig,
    TriggerConfig,
)
from sswd.sizes import STRING_BYTES

Problem = tuple[str, str]

# Names that sswd.ioc.Server serves beside a system's own PVs, under the same prefix.
TEMPLATE_NAMES = frozenset(
    {
        *("CMD", "ACK", "message", "values", "CMD_ID", "CMD_STATE", "CMD_ERROR"),
        *("CMD_TIME", "BUSY", "PROGRESS", "QUEUE_LEN", "ABORT", "CMD_PREVIEW"),
    }
)
RESERVED_PREFIXES = ("WORKER:", "TRIGGER:")
STATISTICS_PREFIX = "IOC:"

# EPICS base: PVNAME_STRINGSZ is 61 with its NUL; a record's name may hold any printable
# ASCII but quotes, space, "." (which starts a field) and "$" (which starts a macro).
NAME_BYTES = 60
_NAME = re.compile(r"[!#%&(-\-/-~]+")
_SYSTEM_NAME = re.compile(r"[A-Za-z0-9_-]+")
_OBJECT = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
# db_access.h: MAX_ENUM_STATES, MAX_ENUM_STRING_SIZE and MAX_STRING_SIZE less their NUL.
ENUM_STATES = 16
ENUM_BYTES = 25
# DB_UNITS_SIZE less its NUL: what .EGU holds.
UNITS_BYTES = 15
INT32 = (-(2**31), 2**31 - 1)

# Keys that say nothing about a PV of another type.
_APPLIES = {
    "units": ("float", "int", "bytes"),
    "precision": ("float",),
    "limits": ("float", "int"),
    "strings": ("enum", "bool"),
    "length": ("float", "int", "str", "text", "bytes"),
    "finite": ("float",),
    **dict.fromkeys(
        (
            *("hihi", "high", "low", "lolo", "hysteresis", "hhsv", "hsv", "lsv"),
            *("llsv", "writable_limits", "mdel", "adel"),
        ),
        ("float", "int"),
    ),
    "state_severity": ("enum", "bool"),
}
_ALARM_LIMITS = {"lolo": "llsv", "low": "lsv", "high": "hsv", "hihi": "hhsv"}
_WRITABLE_ONLY = ("pending", "timeout_s")


def pv_name(name: str) -> Iterator[Problem]:
    """What is wrong with a declared PV's name."""
    if name in TEMPLATE_NAMES or name.startswith(RESERVED_PREFIXES):
        yield "", "sswd serves a PV of this name itself; choose another name"
    elif not name:
        yield "", "the name is empty"
    else:
        yield from _characters(name)


def _prefix(prefix: str) -> Iterator[Problem]:
    yield from _characters(prefix)
    if "{" in prefix or "}" in prefix:
        # caproto's groups expand it with str.format.
        yield "", "a prefix cannot hold { and }: caproto takes them for macros"


def _characters(name: str) -> Iterator[Problem]:
    bad = sorted({c for c in name if not _NAME.fullmatch(c)})
    if bad:
        shown = " ".join(map(repr, bad))
        yield "", f"a PV name cannot hold {shown}; use letters, digits, _ : - + [ ]"


def pv(config: PvConfig) -> Iterator[Problem]:
    """What is wrong within one PV's table."""
    yield from _applicable(config)
    if len(config.units.encode()) > UNITS_BYTES:
        yield "units", f"longer than the {UNITS_BYTES} bytes that .EGU holds"
    if config.type == "bytes" and config.length is None:
        yield "length", "missing: bytes need their capacity, e.g. length = 4194304"
    yield from _strings(config)
    yield from _limits(config)
    yield from _alarm_limits(config)
    yield from _state_severity(config)
    yield from _events(config)
    yield from _value(config)


def _applicable(config: PvConfig) -> Iterator[Problem]:
    for key, types in _APPLIES.items():
        value = getattr(config, key)
        given = value is not None and value not in ("", (), {}, False)
        given = given or (key in _ALARM_LIMITS and value is not None)
        if given and config.type not in types:
            text = f"a PV of type {config.type} has none; it is for {', '.join(types)}"
            yield key, text
    for key in _WRITABLE_ONLY:
        if getattr(config, key) not in (None, "fifo") and not config.writable:
            yield key, "only a writable PV has commands; add writable = true"


def _strings(config: PvConfig) -> Iterator[Problem]:
    strings = config.strings
    if config.type == "enum" and not strings:
        yield "strings", 'missing: an enum needs them, e.g. strings = ["off", "on"]'
    if config.type == "bool" and len(strings) not in (0, 2):
        yield "strings", f"a bool has two, not {len(strings)}; or take type = 'enum'"
    if config.type == "enum" and len(strings) > ENUM_STATES:
        yield "strings", f"{len(strings)} states; Channel Access knows {ENUM_STATES}"
    for string in strings:
        size = len(string.encode())
        if size > ENUM_BYTES:
            yield "strings", f"{string!r} has {size} bytes; at most {ENUM_BYTES} fit"
    for string, count in Counter(strings).items():
        if count > 1:
            yield "strings", f"{string!r} stands there {count} times"


def _limits(config: PvConfig) -> Iterator[Problem]:
    if config.limits is None:
        return
    low, high = config.limits
    if math.isnan(low) or math.isnan(high):
        yield "limits", "nan is no limit; inf and -inf mean none on that side"
    elif low >= high:
        yield "limits", f"low {low:g} is not below high {high:g}; write [low, high]"


def _alarm_limits(config: PvConfig) -> Iterator[Problem]:
    last = ""
    for limit, severity in _ALARM_LIMITS.items():
        value = getattr(config, limit)
        if value is None:
            if getattr(config, severity) is not None and not config.writable_limits:
                yield severity, f"it is the severity of {limit}, which is not given"
            continue
        if math.isnan(value):
            yield limit, "nan is no limit; leave it out"
        elif last and value < getattr(config, last):
            text = f"{value:g} is below {last} = {getattr(config, last):g}"
            yield limit, f"{text}; they rise from lolo to hihi"
        last = limit
    if config.is_array and (last or config.writable_limits):
        yield last or "writable_limits", "an array has no alarm limits"


def _state_severity(config: PvConfig) -> Iterator[Problem]:
    if config.type in ("enum", "bool"):
        for state in config.state_severity:
            if state not in config.states:
                known = ", ".join(config.states)
                yield "state_severity", f"{state!r} is no state; they are {known}"


def _events(config: PvConfig) -> Iterator[Problem]:
    for key in ("mdel", "adel"):
        value = getattr(config, key)
        if value is None:
            continue
        if config.is_array:
            yield key, "an array has no dead band"
        elif math.isnan(value):
            yield key, "nan is no dead band"
        elif config.always:
            yield key, "with always = true every post is an event; drop one of the two"


def _value(config: PvConfig) -> Iterator[Problem]:
    value = config.value
    if value is None:
        return
    if config.is_array or config.type == "bytes":
        if not isinstance(value, tuple):
            yield "value", f"an array needs a list, e.g. value = [{value!r}]"
            return
        if len(value) > config.capacity:
            yield "value", f"{len(value)} elements; length is {config.capacity}"
        elements: tuple[Scalar, ...] = value
    elif isinstance(value, tuple):
        yield "value", "a list, but the PV holds one value; give it a length"
        return
    else:
        elements = (value,)
    for element in elements:
        text = _element(config, element)
        if text is not None:
            yield "value", text
            return


def _element(config: PvConfig, value: Scalar) -> str | None:
    match config.type:
        case "float" | "int":
            return _number(config, value)
        case "bool":
            good = isinstance(value, bool) or value in config.states
            return None if good else f"{value!r} is neither true nor false"
        case "enum":
            return _state(config.strings, value)
        case "str":
            return _string(value, STRING_BYTES)
        case "text":
            return _string(value, config.capacity)
        case "bytes":
            good = _is_int(value) and 0 <= value <= 255
            return None if good else f"{value!r} is no byte (0 to 255)"


def _is_int(value: Scalar) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _string(value: Scalar, room: int) -> str | None:
    if not isinstance(value, str):
        return f"{value!r} is no string; write it in quotes"
    size = len(value.encode())
    return None if size <= room else f"{size} bytes; {room} fit"


def _number(config: PvConfig, value: Scalar) -> str | None:
    if isinstance(value, str | bool):
        return f"{value!r} is no number"
    if config.type == "int" and not (_is_int(value) and INT32[0] <= value <= INT32[1]):
        return f"{value!r} is no integer of 32 bits"
    if config.finite and not math.isfinite(value):
        return f"{value!r} is not finite, and finite = true"
    if config.limits is not None:
        low, high = config.limits
        if value < low or value > high:
            return f"{value!r} is outside the limits [{low:g}, {high:g}]"
    return None


def _state(strings: tuple[str, ...], value: Scalar) -> str | None:
    if isinstance(value, str):
        return None if value in strings else f"{value!r} is none of {list(strings)}"
    if not _is_int(value) or not 0 <= value < len(strings):
        return f"{value!r} is no index of {list(strings)}"
    return None


def restart(config: RestartConfig) -> Iterator[Problem]:
    """What is wrong within a restart table."""
    if config.max_delay_s < config.delay_s:
        text = f"{config.max_delay_s:g} is below delay_s = {config.delay_s:g}"
        yield "max_delay_s", text


def trigger(config: TriggerConfig) -> Iterator[Problem]:
    """What is wrong within a trigger table."""
    if not config.pv or re.search(r"\s", config.pv):
        yield "pv", f"{config.pv!r} is no PV name; give the whole name, with its prefix"
    if config.key == "":
        yield "key", "is empty; leave it out to take the system's name"
    if not config.put:
        yield "put", 'is empty; leave it out to take "INDEX"'


def system_name(name: str) -> Iterator[Problem]:
    """What is wrong with a system's name, which also names files and log lines."""
    if not _SYSTEM_NAME.fullmatch(name):
        yield "", f"{name!r} is no system name; use letters, digits, _ and -"


def system(config: SystemConfig) -> Iterator[Problem]:
    """What is wrong within one system's table, its PVs and sub-tables aside."""
    for key, thing in (("target", "Class"), ("group", "Class"), ("park", "function")):
        text = getattr(config, key)
        if text is not None and not _OBJECT.fullmatch(text):
            yield key, f'{text!r} is no "module:{thing}"'
    for key in config.args:
        if not key.isidentifier():
            yield "args", f"{key!r} cannot be the name of a keyword argument"
    for _, text in _prefix(config.prefix):
        yield "prefix", text


def whole(config: Config) -> Iterator[Problem]:
    """What is wrong between systems: prefixes and the full names of declared PVs."""
    for _, text in _prefix(config.prefix):
        yield "prefix", text
    if not config.system:
        yield "system", 'no system; add a table [system.NAME] with target = "mod:Class"'
    prefixes: dict[str, str] = {}
    names: dict[str, str] = {}
    for name, system in config.system.items():
        key = f"system.{name}.prefix"
        prefix = config.prefix_of(name)
        if len(config.system) > 1 and not system.prefix:
            yield key, "missing: with several systems each needs a prefix of its own"
        elif prefix in prefixes:
            yield key, f"{prefix!r} is also the prefix of system {prefixes[prefix]}"
        prefixes[prefix] = name
        for pv in system.pvs:
            where = f"system.{name}.pvs.{pv}"
            yield from _full_name(where, prefix + pv, names, config.prefix)


def _full_name(
    where: str, full: str, names: dict[str, str], prefix: str
) -> Iterator[Problem]:
    if len(full) > NAME_BYTES:
        yield where, f"{full!r} has {len(full)} characters; EPICS takes {NAME_BYTES}"
    if full in names:
        yield where, f"{full!r} is also the name of {names[full]}"
    elif full.startswith(prefix + STATISTICS_PREFIX):
        yield where, f"{full!r} is among the IOC statistics; choose another name"
    names[full] = where
