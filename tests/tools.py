"""What a test needs of the host and no Python package of ours brings."""

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest


def need(program: str) -> str:
    """The path of a program. Where it is not installed the test is skipped; in CI
    (SSWD_CI=1), which has installed it, it fails."""
    beside_python = Path(sys.executable).parent / program
    if beside_python.exists():
        return str(beside_python)
    found = shutil.which(program)
    if found is None:
        not_here(f"{program} is not installed")
    return found


def not_here(words: str) -> NoReturn:
    """Skip the test, since the host lacks what it needs; in CI, which has it, fail."""
    if os.environ.get("SSWD_CI") == "1":
        pytest.fail(words)
    pytest.skip(words)
