"""Tests with libraries that only `make test-adapters` installs, in two versions."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "drivers"))
