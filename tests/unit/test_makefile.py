"""The Makefile says which Python it needs before it makes anything."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
OLD = """#!/bin/sh
[ "$1" = --version ] && echo "Python 3.10.13" && exit 0
exit 1
"""


def test_a_python_that_is_too_old_is_told(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    old = tmp_path / "python"
    old.write_text(OLD)
    old.chmod(0o755)
    done = subprocess.run(
        ["make", "demo", f"PYTHON={old}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60.0,
    )
    assert done.returncode != 0
    assert f"needs Python 3.11 to 3.14, and {old} is Python 3.10.13" in done.stderr
    assert "make demo PYTHON=python3.12" in done.stderr
    assert not (tmp_path / ".venv").exists()
