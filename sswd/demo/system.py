"""The demo's system: scans with the simulated stage and digitizer.

What a scientist writes, no more: a class, blocking calls, values posted as they come.
"""

import ctypes
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from sswd import System, every
from sswd.demo.driver import Digitizer
from sswd.sequence import verb


def parse(text: str) -> tuple[str, list[str]]:
    """Split ``move(3)`` or ``move 3`` into name and arguments."""
    name, bracket, inside = text.strip().partition("(")
    if bracket:
        inside, bracket, behind = inside.rpartition(")")
        is_good = bool(bracket) and not behind
    else:
        name, _, inside = name.partition(" ")
        is_good = True
    name = name.strip().lower()
    if not (is_good and name.isalpha()) or "(" in inside or ")" in inside:
        raise ValueError(f"cannot read {text[:40]!r}; write it as in scan(0, 10, 11)")
    return name, inside.replace(",", " ").split()


def number_of(channel: str) -> int:
    """The number of a channel, by its name in the enum."""
    return int(channel.removeprefix("CH"))


class Scan(System):
    """`address` is a VISA resource name; an answer may take `timeout_s` s."""

    def __init__(self, address: str, timeout_s: float = 2.0) -> None:
        self._digitizer = Digitizer(address, timeout_s)
        self._channel = 1
        self._speed_mm_s: float | None = None
        self._is_new = True

    def restore(self, values: Mapping[str, Any]) -> None:
        """Take the settings of the run before."""
        self._speed_mm_s = values.get("VELOCITY")
        self._channel = number_of(values.get("CHANNEL", "CH1"))

    def connect(self) -> None:
        """Open the session; the first time with the fault button off.

        It is called again, after `disconnect`, when the instrument was lost.
        """
        if self._is_new:
            self._digitizer.aside("SIM:FAULT NONE")
            self._is_new = False
        self._digitizer.open()

    def disconnect(self) -> None:
        """Give the session up."""
        self._digitizer.close()

    def setup(self) -> None:
        """Tell the instrument what it may have forgotten without power."""
        if self._speed_mm_s is not None:
            self._digitizer.tell(f"VEL {self._speed_mm_s:.6f}")
        self.io_put("IDN", self._digitizer.ask("*IDN?"))

    def abort(self) -> None:
        """Stop the stage, so that the driver's wait for it ends."""
        self._digitizer.aside("STOP")

    def close(self) -> None:
        """End the session with the instrument."""
        self._digitizer.close()

    @every(0.2)
    def read_position(self) -> None:
        """Keep POSITION right between commands."""
        self.io_put("POSITION", self._digitizer.position_mm())

    def on_cmd(self, text: str) -> None:
        """Run one of `COMMANDS`."""
        name, arguments = parse(text)
        command = COMMANDS.get(name)
        if command is None or len(arguments) != len(command.takes):
            usages = ", ".join(known.usage for known in COMMANDS.values())
            raise ValueError(f"cannot do {text[:40]!r}; commands: {usages}")
        pairs = zip(command.takes, arguments, strict=True)
        command.run(self, *(take(argument) for take, argument in pairs))

    def on_velocity(self, speed_mm_s: float) -> None:
        """Set the speed of the next motion."""
        self._digitizer.tell(f"VEL {speed_mm_s:.6f}")
        self._speed_mm_s = speed_mm_s

    def on_channel(self, name: str) -> None:
        """Choose the channel that scans look at, by its name in the enum."""
        self._channel = number_of(name)

    def on_fault(self, name: str) -> None:
        """Press the instrument's fault button."""
        self._digitizer.aside(f"SIM:FAULT {name}")

    @verb
    def scan(self, start_mm: float, end_mm: float, points: int) -> None:
        """Take a waveform at each of `points` positions, both ends included.

        `values` grows by its height, peak to peak in V, point by point.
        """
        if points < 1:
            raise ValueError(f"scan with {points} points; it needs 1 or more")
        heights_v: list[float] = []
        for i, position_mm in enumerate(np.linspace(start_mm, end_mm, points)):
            self._digitizer.move(float(position_mm))
            waveform = self._digitizer.acquire(self._channel)
            heights_v.append(float(np.ptp(waveform)))
            self.io_put({"WAVEFORM": waveform, "values": heights_v})
            self.read_position()
            self.progress((i + 1) / points, f"point {i + 1} of {points}")
            self.sleep(0.0)  # where an abort ends the scan

    @verb
    def move(self, position_mm: float) -> None:
        """Move the stage there."""
        self._digitizer.move(position_mm)
        self.read_position()

    @verb(name="idn")
    def identify(self) -> None:
        """Say who the instrument is."""
        self.io_put("message", self._digitizer.ask("*IDN?"))

    @verb
    def hang(self) -> None:
        """Call C that does not come back and keeps the GIL: the worst that drivers do.

        Not one line of Python runs in this process any more.
        """
        while True:
            ctypes.PyDLL(None).pause()

    @verb
    def crash(self) -> None:
        """Read from address 0, as a broken C library may."""
        ctypes.string_at(0)


class Command(NamedTuple):
    """A word of CMD: how to write it, what its arguments are, what it does."""

    usage: str
    takes: tuple[Callable[[str], Any], ...]
    run: Callable[..., None]


COMMANDS = {
    "scan": Command("scan(start, end, points)", (float, float, int), Scan.scan),
    "move": Command("move(position)", (float,), Scan.move),
    "idn": Command("idn", (), Scan.identify),
    "sleep": Command("sleep(seconds)", (float,), Scan.sleep),
    "hang": Command("hang", (), Scan.hang),
    "crash": Command("crash", (), Scan.crash),
}
