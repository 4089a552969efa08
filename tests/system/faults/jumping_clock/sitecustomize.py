"""Shifts the wall clock of every Python process that finds this on its PYTHONPATH.

The file $CLOCK_SHIFT holds the shift in seconds; it may change at any time.
"""

import os
import time
from pathlib import Path

_FILE = Path(os.environ["CLOCK_SHIFT"])
_time, _time_ns = time.time, time.time_ns


def _shift_s() -> float:
    return float(_FILE.read_text() or 0)


time.time = lambda: _time() + _shift_s()
time.time_ns = lambda: _time_ns() + int(_shift_s() * 1e9)
