"""Programs that a test needs and that no Python package of ours brings."""

import os
import shutil
import sys
from pathlib import Path

import pytest


def need(program: str) -> str:
    """The path of a program. Where it is not installed the test is skipped; in CI
    (SSWD_CI=1), which has installed it, it fails."""
    beside_python = Path(sys.executable).parent / program
    if beside_python.exists():
        return str(beside_python)
    found = shutil.which(program)
    if found is None:
        if os.environ.get("SSWD_CI") == "1":
            pytest.fail(f"{program} is not installed")
        pytest.skip(f"{program} is not installed")
    return found
