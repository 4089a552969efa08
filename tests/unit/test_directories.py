"""What lies in a shared directory must be our own before anything is done to it."""

import os
import stat
import tempfile

import pytest

from sswd.directories import make_own, open_own, runtime_directory
from sswd.errors import NotOursError

OTHER = 4711


@pytest.fixture
def another(monkeypatch, tmp_path):
    """This process is of another user than the files that the test has made."""
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: OTHER)


def test_a_directory_of_another_user_is_refused(another, tmp_path):
    (tmp_path / f"sswd-{OTHER}").mkdir(mode=0o700)
    with pytest.raises(NotOursError, match="belongs to user id"):
        make_own(runtime_directory())


def test_a_file_of_another_user_is_refused(another, tmp_path):
    path = tmp_path / "state"
    path.write_text("precious")
    path.chmod(0o644)
    with pytest.raises(NotOursError, match="belongs to user id"):
        open_own(path, os.O_RDWR | os.O_CREAT)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_file_of_ours_can_be_read_by_nobody_else_afterwards(tmp_path):
    path = tmp_path / "state"
    path.write_text("ours")
    path.chmod(0o644)
    os.close(open_own(path, os.O_RDWR))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
