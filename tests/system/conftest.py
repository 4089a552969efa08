"""Tests of the whole daemon share daemon.py: a real process, looked after."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for `import daemon` in the tests
