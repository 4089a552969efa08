"""`python` of a system: two drivers with different libraries in one daemon."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from sswd.config import from_dict
from sswd.errors import LoadError
from sswd.ioc.daemon.inspect_target import inspect
from sswd.testing import running_daemon

DRIVERS = Path(__file__).parent / "drivers"
CONFIG = """\
prefix = "@"
[system.old]
prefix = "OLD:"
target = "which_python:WhichPython"
python = "{old}"
[system.new]
prefix = "NEW:"
target = "which_python:WhichPython"
python = "{new}"
"""


def made(folder: Path, vendors: int) -> Path:
    """The interpreter of a venv that has what this one has, and a vendor's library."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True
    )
    (site,) = folder.glob("lib/python*/site-packages")
    ours = sysconfig.get_path("purelib")
    (site / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    (site / "vendor_sdk.py").write_text(f"VERSION = {vendors}\n")
    return folder / "bin/python"


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("new"), 2)


def test_two_systems_have_their_own_libraries(venv: Path, tmp_path: Path) -> None:
    old = made(tmp_path, 1)
    config = CONFIG.format(old=old, new=venv)
    with running_daemon(config=config, folder=DRIVERS) as daemon:
        for system, python, version in (("OLD:", old, 1), ("NEW:", venv, 2)):
            assert daemon.put(f"{system}CMD", "?")
            told = daemon.get(f"{system}message")
            assert told == f"{version} in {python.parents[1]}"
        daemon.kill_worker("NEW:")
        daemon.wait_for("NEW:WORKER:RUN", 2)
        daemon.wait_for("NEW:WORKER:STATE", "RUNNING")
        assert daemon.put("NEW:CMD", "?")


def looked_at(python: Path | str) -> None:
    """Have a worker of this interpreter import a class."""
    system = {"target": "which_python:WhichPython", "python": str(python)}
    config = from_dict({"system": {"x": system}}, "test")
    inspect(config.system["x"], DRIVERS)


def test_its_class_is_looked_at_with_it(venv: Path) -> None:
    looked_at(venv)


def test_an_interpreter_without_sswd_is_told(tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    bare.chmod(0o755)
    with pytest.raises(LoadError, match="has no sswd, or another one: No module named"):
        looked_at(bare)


def test_another_version_of_the_pipe_is_told(venv: Path, tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path}:$PYTHONPATH exec {venv} "$@"\n')
    other.chmod(0o755)
    (tmp_path / "sitecustomize.py").write_text(
        "import sswd.pipe.protocol\nsswd.pipe.protocol.PROTOCOL = 999\n"
    )
    with pytest.raises(LoadError, match=r"version 999 of the\s+pipe, the IOC has sswd"):
        looked_at(other)


@pytest.mark.parametrize(
    ("python", "words"),
    [
        ("none", "there is no such file"),
        ("which_python.py", "no program for this user"),
    ],
)
def test_what_cannot_be_run_is_told(python: str, words: str) -> None:
    with pytest.raises(LoadError, match=words):
        looked_at(python)
