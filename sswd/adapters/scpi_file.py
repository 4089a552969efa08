"""`scpi:FILE.toml`: an instrument that is described by its texts, without any Python.

    address = "TCPIP::192.168.1.5::5025::SOCKET"
    ping = "*IDN?"

    [pvs.VOLTAGE]
    query = "VOLT?"
    write = "VOLT {}"
    type = "float"
    units = "V"
    poll_s = 1.0

pyvisa speaks to it; the arguments of the system win over the keys above the PVs.
"""

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from sswd.adapters.attribute import Attribute
from sswd.adapters.driver import Driver
from sswd.adapters.scpi_driver import ScpiDriver, ScpiLink
from sswd.errors import LoadError

Scalar = bool | int | float | str


class ScpiPv(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One PV: what is sent, and what it is."""

    query: str = ""
    """Sent to read it; the answer is the value."""
    write: str = ""
    """Sent to write it, with the value in place of {} (or of {:.3f}); without {}, it is
    an action."""
    has_answer: bool = False
    """Whether the instrument answers to `write`; the answer is read, and not used."""
    type: str = "float"
    units: str = ""
    limits: tuple[float, float] | None = None
    strings: tuple[str, ...] = ()
    values: tuple[Scalar, ...] = ()
    """What is sent, and answered, for each of `strings`; the strings unless given."""
    length: int | None = None
    description: str = ""
    poll_s: float | None = None


class ScpiFile(ScpiLink, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    pvs: dict[str, ScpiPv]
    about: str = ""


class ScpiInstrument:
    """What a file describes."""

    serves_all = True

    def __init__(self, target: str, folder: str, system: str) -> None:
        """Read it. Raises LoadError whose text names the file and the mistake."""
        del system
        path = Path(folder) / target
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
            self._file = msgspec.convert(table, ScpiFile)
        except (OSError, ValueError, msgspec.ValidationError) as ex:
            raise LoadError(f"{path}: {ex}") from None
        for pv, keys in self._file.pvs.items():
            if not (keys.query or keys.write):
                raise LoadError(f"{path}: pvs.{pv} has neither query nor write")
        self.name = path.stem
        self.about = self._file.about
        self.ping = self._file.ping
        self.factory: Callable[..., Any] = ScpiLink

    def attributes(self) -> Sequence[Attribute] | None:
        return [_attribute(pv, keys) for pv, keys in self._file.pvs.items()]

    def driver(self, args: dict[str, Any]) -> Driver:
        given = {name: getattr(self._file, name) for name in ScpiLink.__struct_fields__}
        try:
            link = msgspec.convert({**given, **args}, ScpiLink)
        except msgspec.ValidationError as ex:
            raise LoadError(f"args of {self.name}: {ex}") from None
        texts = {
            pv: (keys.query, keys.write, keys.has_answer)
            for pv, keys in self._file.pvs.items()
        }
        return ScpiDriver(link, texts, self.attributes() or ())


def _attribute(pv: str, keys: ScpiPv) -> Attribute:
    is_action = not keys.query and "{" not in keys.write
    return Attribute(
        pv,
        type="action" if is_action else keys.type,
        is_guess=False,
        readable=bool(keys.query),
        writable=bool(keys.write) and not is_action,
        units=keys.units,
        limits=keys.limits,
        strings=keys.strings,
        values=keys.values or keys.strings,
        length=keys.length,
        about=keys.description,
        poll_s=keys.poll_s,
        pv=pv,
    )
