"""What the demo's instrument understands. Pure: messages in, answers out.

======================  ==========================================================
``*IDN? *RST *CLS``     as in IEEE 488.2
``*OPC?``               1, once motion and acquisition have ended: may take long
``SYST:ERR?``           the oldest error and forgets it; ``0,"No error"`` if none
``MOVE <mm>``           starts a motion; ``POS?``, ``MOV?`` (1 while moving), ``STOP``
``VEL <mm/s>``          speed of the next motion; ``VEL?``; ``LIM?`` both ends in mm
``CHAN<n>:STAT 0|1``    channel 1..4 off or on; ``CHAN<n>:STAT?``
``CHAN<n>:RANG <V>``    full scale, larger signals are clipped; ``CHAN<n>:RANG?``
``ACQ``                 takes a waveform in every channel that is on
``ACQ:POIN <n>``        samples of a waveform; ``ACQ:POIN?``
``ACQ:TIME <s>``        how long it takes; ``ACQ:TIME?``
``WAV:FORM REAL,64``    or ``REAL,32``; ``WAV:FORM?``
``WAV:DATA? <n>``       last waveform of a channel in V, as a definite-length block,
                        little-endian
``SIM:FAULT <name>``    the fault button, see `Fault`; ``SIM:FAULT?``
======================  ==========================================================
"""

import enum
import re
import sys
from array import array
from collections import deque
from collections.abc import Callable, Collection
from typing import ClassVar

from sswd.demo.instrument import (
    CHANNELS,
    DURATION_S,
    LIMITS_MM,
    POINTS,
    RANGE_V,
    SPEED_MM_S,
    Instrument,
)

IDN = "SSWD,DEMO DIGITIZER,0,1.0"
_ERRORS_KEPT = 16
_FORMATS = {"REAL,64": "d", "REAL,32": "f"}
_WELL_UNDER_ERROR = ("SIM:FAULT", "STOP", "*CLS")
_CHANNEL = re.compile(r"CHAN(\d+):(STAT|RANG)(\??)")


class Fault(enum.Enum):
    """What can be wrong with it, until NONE; the button itself always works."""

    NONE = "NONE"
    HANG = "HANG"  # nothing is answered any more, though it is done
    DROP = "DROP"  # closes all other sessions, and is NONE again
    ERROR = "ERROR"  # nothing can be set or started
    OFF = "OFF"  # its power is off for a while, then it is as at power-on


class ScpiError(Exception):
    """An entry of the error queue: SCPI's number and text."""


class Interpreter:
    """Runs program messages on `instrument`; `clock` gives monotonic seconds."""

    def __init__(self, instrument: Instrument, clock: Callable[[], float]) -> None:
        self.instrument = instrument
        self.fault = Fault.NONE
        self._clock = clock
        self._format = "REAL,64"
        self._errors: deque[str] = deque(maxlen=_ERRORS_KEPT)

    def busy_s(self) -> float:
        """Seconds until ``*OPC?`` may be answered."""
        return self.instrument.busy_s(self._clock())

    def execute(self, message: str) -> bytes | None:
        """Run one message; its answer without the newline, None if it has none.

        As SCPI wants, a wrong message goes to the error queue and has no answer.
        """
        header, _, argument = message.strip().upper().partition(" ")
        try:
            return self._dispatch(header, argument.strip())
        except ScpiError as error:
            self._errors.append(str(error))
            return None

    def _dispatch(self, header: str, argument: str) -> bytes | None:
        if match := _CHANNEL.fullmatch(header):
            number, setting, query = match.groups()
            return self._channel(number, setting, None if query else argument)
        if header == "WAV:DATA?":
            return self._block(argument)
        if header in self._QUERIES:
            return self._QUERIES[header](self).encode()
        if self.fault is Fault.ERROR and header not in _WELL_UNDER_ERROR:
            raise ScpiError('-310,"System error; the fault button is on"')
        if header in self._ACTIONS:
            self._ACTIONS[header](self)
            return None
        if header in self._SETTINGS:
            self._SETTINGS[header](self, argument)
            return None
        raise ScpiError(f'-113,"Undefined header; {header[:40]}"')

    def _channel(self, number: str, setting: str, argument: str | None) -> bytes | None:
        channel = self.instrument.channels[_channel_index(number)]
        if argument is None:
            value = channel.on if setting == "STAT" else channel.range_v
            return f"{value:g}".encode()
        if setting == "STAT":
            channel.on = _number(argument, (0, 1)) != 0
        else:
            channel.range_v = _number(argument, RANGE_V)
        return None

    def _block(self, number: str) -> bytes:
        waveform = self.instrument.channels[_channel_index(number)].waveform
        if not waveform:
            raise ScpiError(f'-230,"Data stale; channel {number} has no waveform"')
        samples = array(_FORMATS[self._format], waveform)
        if sys.byteorder == "big":
            samples.byteswap()
        return definite_length_block(samples.tobytes())

    def _move(self, argument: str) -> None:
        self.instrument.stage.move(_number(argument, LIMITS_MM), self._clock())

    def _speed(self, argument: str) -> None:
        self.instrument.stage.speed_mm_s = _number(argument, SPEED_MM_S)

    def _points(self, argument: str) -> None:
        self.instrument.points = int(_number(argument, POINTS))

    def _duration(self, argument: str) -> None:
        self.instrument.duration_s = _number(argument, DURATION_S)

    def _set_format(self, argument: str) -> None:
        self._format = _one_of(argument, _FORMATS)

    def _set_fault(self, argument: str) -> None:
        self.fault = Fault[_one_of(argument, Fault.__members__)]

    def _next_error(self) -> str:
        return self._errors.popleft() if self._errors else '0,"No error"'

    def _reset(self) -> None:
        self.instrument.reset(self._clock())
        self._format = "REAL,64"

    # The language: what a header does. A setting takes the text behind it.
    _ACTIONS: ClassVar[dict[str, Callable[["Interpreter"], None]]] = {
        "*RST": _reset,
        "*CLS": lambda self: self._errors.clear(),
        "STOP": lambda self: self.instrument.stage.stop(self._clock()),
        "ACQ": lambda self: self.instrument.acquire(self._clock()),
    }
    _SETTINGS: ClassVar[dict[str, Callable[["Interpreter", str], None]]] = {
        "MOVE": _move,
        "VEL": _speed,
        "ACQ:POIN": _points,
        "ACQ:TIME": _duration,
        "WAV:FORM": _set_format,
        "SIM:FAULT": _set_fault,
    }
    _QUERIES: ClassVar[dict[str, Callable[["Interpreter"], str]]] = {
        "*IDN?": lambda _self: IDN,
        "*OPC?": lambda _self: "1",
        "SYST:ERR?": _next_error,
        "POS?": lambda self: f"{self.instrument.stage.position_mm(self._clock()):.6f}",
        "MOV?": lambda self: (
            "1" if self.instrument.stage.left_s(self._clock()) else "0"
        ),
        "VEL?": lambda self: f"{self.instrument.stage.speed_mm_s:g}",
        "LIM?": lambda _self: f"{LIMITS_MM[0]:g},{LIMITS_MM[1]:g}",
        "ACQ:POIN?": lambda self: str(self.instrument.points),
        "ACQ:TIME?": lambda self: f"{self.instrument.duration_s:g}",
        "WAV:FORM?": lambda self: self._format,
        "SIM:FAULT?": lambda self: self.fault.value,
    }


def definite_length_block(data: bytes) -> bytes:
    """IEEE 488.2's ``#<digits><length><data>``."""
    length = str(len(data))
    return f"#{len(length)}{length}".encode() + data


def _number(text: str, limits: tuple[float, float]) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ScpiError(f'-104,"Data type error; {text[:40]} is no number"') from None
    low, high = limits
    if not low <= value <= high:
        raise ScpiError(f'-222,"Data out of range; {text[:40]} not {low:g}..{high:g}"')
    return value


def _one_of(text: str, names: Collection[str]) -> str:
    if text not in names:
        raise ScpiError(f'-224,"Illegal parameter value; use {", ".join(names)}"')
    return text


def _channel_index(text: str) -> int:
    return int(_number(text, (1, CHANNELS))) - 1
