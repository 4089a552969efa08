"""Tests with libraries that only `make test-adapters` installs, in two versions."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
for folder in (HERE / "drivers", HERE.parent / "system"):
    sys.path.insert(0, str(folder))  # simulated.py; daemon.py, lewis_bath.py


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Of these libraries, and of what they import; they are not ours to mend.
    for item in items:
        if HERE in item.path.parents:
            for kind in ("Deprecation", "PendingDeprecation", "Future", "Syntax"):
                mark = pytest.mark.filterwarnings(f"ignore::{kind}Warning")
                item.add_marker(mark)
