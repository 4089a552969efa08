"""The physics of the demo: a motion stage, a sample, a four-channel digitizer.

Pure: no sockets, no sleeping, no clock; every call that needs the time is told it, in
seconds of any monotonic clock. `scpi` gives it a language, `device` a TCP port.
"""

import math
import random
from array import array

LIMITS_MM = (0.0, 100.0)
SPEED_MM_S = (0.1, 200.0)
RANGE_V = (0.01, 100.0)
POINTS = (2, 100_000)
DURATION_S = (0.0, 60.0)
CHANNELS = 4
PEAK_MM, WIDTH_MM = 5.0, 1.5
_NOISE_V = 0.002


class Stage:
    """Moves at constant speed between its ends; knows where it is at any time."""

    def __init__(self, position_mm: float = 0.0) -> None:
        self.speed_mm_s = 20.0
        self._from_mm = self._to_mm = position_mm
        self._begin_s = self._end_s = -math.inf

    def move(self, target_mm: float, now_s: float) -> None:
        """Start from where it is now; a motion under way is replaced."""
        self._from_mm, self._to_mm = self.position_mm(now_s), target_mm
        self._begin_s = now_s
        self._end_s = now_s + abs(target_mm - self._from_mm) / self.speed_mm_s

    def stop(self, now_s: float) -> None:
        """Stand still here and now."""
        self.move(self.position_mm(now_s), now_s)

    def left_s(self, now_s: float) -> float:
        """Seconds until it stands still."""
        return max(0.0, self._end_s - now_s)

    def position_mm(self, now_s: float) -> float:
        """Where it is, also on its way."""
        if now_s >= self._end_s:
            return self._to_mm
        done = (now_s - self._begin_s) / (self._end_s - self._begin_s)
        return self._from_mm + done * (self._to_mm - self._from_mm)


class Channel:
    """One input: its switch, its full scale, its last waveform (float64, V)."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.on = True
        self.range_v = 2.0
        self.waveform = array("d")

    def acquire(self, at_mm: float, points: int, noise: random.Random) -> None:
        """Take a damped wave whose height says how near to the peak the stage is."""
        height_v = math.exp(-0.5 * ((at_mm - PEAK_MM) / WIDTH_MM) ** 2) / self.number
        self.waveform = array("d")
        for i in range(points):
            t = i / points
            wave = math.exp(-3.0 * t) * math.sin(10.0 * math.pi * self.number * t)
            sample = height_v * wave + noise.gauss(0.0, _NOISE_V)
            self.waveform.append(max(-self.range_v, min(self.range_v, sample)))


class Instrument:
    """Stage and digitizer together. Not thread-safe: one thread calls it."""

    def __init__(self) -> None:
        self._noise = random.Random(1)  # noqa: S311 - a signal, not a secret
        self.stage = Stage()
        self.reset(now_s=0.0)

    def reset(self, now_s: float) -> None:
        """Settings as at power-on, waveforms gone; the stage stops where it is."""
        self.stage = Stage(self.stage.position_mm(now_s))
        self.channels = [Channel(n) for n in range(1, CHANNELS + 1)]
        self.points = 1000
        self.duration_s = 0.02
        self._acquired_s = -math.inf

    def acquire(self, now_s: float) -> None:
        """Take a waveform in every channel that is on; busy for `duration_s`."""
        at_mm = self.stage.position_mm(now_s)
        for channel in self.channels:
            if channel.on:
                channel.acquire(at_mm, self.points, self._noise)
        self._acquired_s = now_s + self.duration_s

    def busy_s(self, now_s: float) -> float:
        """Seconds until motion and acquisition have ended."""
        return max(self.stage.left_s(now_s), self._acquired_s - now_s, 0.0)
