"""sswd.testing's daemon tells at once what went wrong with it."""

import time
from pathlib import Path

import pytest

from sswd.testing import DaemonError, running_daemon

MISBEHAVING = Path(__file__).parents[1] / "misbehaving"
OWN_GROUP = Path(__file__).parents[2] / "examples" / "own_group" / "stage.toml"


@pytest.mark.timing
def test_a_daemon_that_ends_is_not_waited_for() -> None:
    begun_s = time.monotonic()
    wrong = 'prefix = "@"\n[system.main]\nno_such_key = 1\n'
    with (
        pytest.raises(DaemonError, match=r"(?s)when the IOC ended.*no_such_key"),
        running_daemon(config=wrong),
    ):
        pass
    assert time.monotonic() - begun_s < 10


def test_systems_with_prefixes_of_their_own_are_waited_for() -> None:
    config = 'prefix = "@"\n' + "".join(
        f'[system.{name}]\ntarget = "echo:Echo"\nprefix = "{name}:"\n'
        for name in ("a", "b")
    )
    with running_daemon(config=config, folder=MISBEHAVING) as daemon:
        for name in ("a", "b"):
            assert daemon.get(f"{name}:WORKER:STATE", as_string=True) == "RUNNING"
            assert daemon.put(f"{name}:CMD", "hello")


def test_a_file_with_a_group_and_a_prefix_of_its_own() -> None:
    with running_daemon(config=OWN_GROUP) as daemon:
        assert daemon.prefix == "LAB:"
        assert daemon.put("HOME", 1)


@pytest.mark.timing
def test_a_class_that_will_never_load_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "bare.py").write_text("class Bare: ...\n")
    begun_s = time.monotonic()
    with (
        pytest.raises(DaemonError, match=r"(?s)'BACKOFF'; .*neither io_execute"),
        running_daemon(system="bare:Bare", folder=tmp_path),
    ):
        pass
    assert time.monotonic() - begun_s < 30
