"""How much room is left: asked by a thread, which may not be had."""

import errno
import os
import threading
from pathlib import Path

import pytest

from sswd.config import from_dict
from sswd.ioc.daemon.composed import compose
from sswd.ioc.daemon.control.disk import Disks, DiskSpace, Space


async def test_a_thread_that_cannot_be_had_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = DiskSpace(tmp_path / "not yet made")

    def fails(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as fault:
        fault.setattr(threading.Thread, "start", fails)
        assert await disk.space() == "does not answer"
    monkeypatch.setattr("sswd.ioc.daemon.control.disk.WAIT_S", 10.0)
    space = await disk.space()
    assert isinstance(space, Space)
    assert 0.0 < space.free_mb < space.size_mb


async def test_each_directory_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sswd.ioc.daemon.control.disk.WAIT_S", 10.0)
    a, b = tmp_path / "a", tmp_path / "b"
    disks = Disks(a, {"setpoints": b, "the log": a, "the audit log": b})
    asked = await disks.ask()
    assert [(each.folder, each.holds) for each in asked] == [
        (str(a), "post-mortems, the log"),
        (str(b), "setpoints, the audit log"),
    ]
    assert all(each.free and each.size for each in asked)


async def test_a_disk_that_is_stale_is_not_taken_for_the_one_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sswd.ioc.daemon.control.disk.WAIT_S", 10.0)
    mount, ask = tmp_path / "mount", os.statvfs

    def statvfs(path: Path) -> os.statvfs_result:
        if path == mount / "lab":
            raise OSError(errno.ESTALE, "Stale file handle")
        return ask(path)

    monkeypatch.setattr(os, "statvfs", statvfs)
    [disk] = await Disks(mount / "lab", {}).ask()
    assert disk.free is None
    assert disk.error == "does not say what is left: Stale file handle"


def test_the_directories_of_a_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/lab")
    wanted = {"state": {"directory": "kept"}, "audit": {"file": "a/puts"}}
    system = {"system": {"main": {"target": "a:B"}}}
    config = from_dict({"log": {"file": "/logs/lab.log"}, **wanted, **system}, "test")
    assert compose(config, tmp_path).folders == {
        "setpoints": tmp_path / "kept",
        "the log": Path("/logs"),
        "the audit log": Path("/var/lib/lab/a"),
    }
    plain = from_dict(system, "test")
    assert compose(plain, tmp_path).folders == {"setpoints": Path("/var/lib/lab")}
