"""The lock of a prefix, where files can be made but not filled."""

import errno
import os

import msgspec
import pytest

from sswd.config.keys import Config
from sswd.errors import PortTakenError
from sswd.ioc.daemon.prefix_lock import prefix_lock

CONFIG = {"prefix": "P:", "system": {"main": {"target": "a:B"}}}


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    return msgspec.convert(CONFIG, Config)


def test_the_second_is_told_who_holds_it(config):
    with prefix_lock(config), pytest.raises(PortTakenError, match=str(os.getpid())):
        prefix_lock(config).__enter__()
    with prefix_lock(config):
        pass  # it is free again


def test_on_a_full_disk_it_is_held_all_the_same(config, monkeypatch):
    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with prefix_lock(config), pytest.raises(PortTakenError, match="by pid unknown"):
        prefix_lock(config).__enter__()
