"""A Python module with a typed ophyd-async device for each system. Pure."""

import keyword
import re
from collections.abc import Iterator, Sequence

from sswd.export.model import Pv, Unit

_SCALARS = {
    **dict.fromkeys(("float", "float32", "int64"), "float"),
    **dict.fromkeys(("int", "int16", "uint16", "int8", "uint8"), "int"),
    **dict.fromkeys(("str", "text"), "str"),
}
_DTYPES = {
    "float": "np.float64",
    "int64": "np.float64",
    "float32": "np.float32",
    "int": "np.int32",
    "int16": "np.int16",
    "uint16": "np.int16",
    "int8": "np.uint8",
    "uint8": "np.uint8",
    "bytes": "np.uint8",
}
"""As Channel Access sends them."""
_HEAD = '''"""Devices of {file}, written by `sswd export ophyd-async`."""

'''
_IMPORTS = {
    "ophyd_async.core": ("Array1D", "StrictEnum"),
    "ophyd_async.epics.core": ("epics_signal_r",),
    "ophyd_async.epics.motor": ("Motor",),
    "sswd.ophyd_async": ("SswdAction", "SswdSetpoint", "SswdSystem"),
}


def ophyd_async(units: Sequence[Unit], file: str) -> str:
    """The module's text; `file` is named in its docstring."""
    bodies = "".join(f"\n\n{text}" for unit in units for text in _unit(unit))
    imports = ["import numpy as np\n"] if "np." in bodies else []
    for module, names in _IMPORTS.items():
        needed = [name for name in names if re.search(rf"\b{name}\b", bodies)]
        if needed:
            imports.append(f"from {module} import {', '.join(needed)}\n")
    return _HEAD.format(file=file) + "".join(imports) + bodies


def _unit(unit: Unit) -> Iterator[str]:
    name = class_name(unit.name)
    for pv in unit.own:
        if pv.states:
            yield _enum(name, pv)
    shorts = {pv.short for pv in unit.own}
    pairs = {short for short in shorts if _setpoint(short) in shorts}
    members = [
        f"        self.{attribute(pv.short)} = {_signal(name, pv, pairs)}\n"
        for pv in unit.own
        if pv.short not in pairs
    ]
    members += [
        f'        self.{attribute(motor)} = Motor(prefix + "{motor}")\n'
        for motor in unit.motors
    ]
    yield (
        f"class {name}(SswdSystem):\n"
        f'    """System {unit.name}, served as {unit.prefix}."""\n\n'
        f'    def __init__(self, prefix: str = "{unit.prefix}", name: str = "")'
        f" -> None:\n{''.join(members)}        super().__init__(prefix, name)\n"
    )


def _setpoint(readback: str) -> str | None:
    return readback.removesuffix("_RBV") if readback.endswith("_RBV") else None


def _signal(owner: str, pv: Pv, pairs: set[str]) -> str:
    if pv.type == "action":
        return f'SswdAction(prefix, "{pv.short}")'
    kind = datatype(owner, pv)
    if not pv.is_writable:
        return f'epics_signal_r({kind}, "ca://" + prefix + "{pv.short}")'
    readback = f"{pv.short}_RBV"
    more = f', readback="{readback}"' if readback in pairs else ""
    return f'SswdSetpoint({kind}, prefix, "{pv.short}"{more})'


def datatype(owner: str, pv: Pv) -> str:
    """The datatype of its signal, as source code."""
    if pv.states:
        return f"{owner}{class_name(pv.short)}"
    if pv.is_array and pv.type in _DTYPES:
        return f"Array1D[{_DTYPES[pv.type]}]"
    if pv.is_array:
        return "list[str]"
    return _SCALARS[pv.type]


def _enum(owner: str, pv: Pv) -> str:
    lines = [f"class {owner}{class_name(pv.short)}(StrictEnum):\n"]
    lines.append(f'    """States of {pv.short}."""\n\n')
    lines += [f'    {attribute(state).upper()} = "{state}"\n' for state in pv.states]
    return "".join(lines)


def class_name(text: str) -> str:
    """`LaserDelay` of laser_delay."""
    words = re.split(r"[^0-9A-Za-z]+", text)
    name = "".join(word[:1].upper() + word[1:].lower() for word in words)
    return name if name[:1].isalpha() else f"X{name}"


def attribute(text: str) -> str:
    """A lower-case name that Python takes."""
    name = re.sub(r"\W+", "_", text).strip("_").lower() or "x"
    name = name if not name[0].isdigit() else f"x{name}"
    return f"{name}_" if keyword.iskeyword(name) else name
