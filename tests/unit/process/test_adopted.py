"""Whom the IOC reaps: orphans, and nobody that is waited for elsewhere."""

import os
import subprocess
import time

import pytest

from sswd.ioc.process.adopted import AdoptedReaper, _has_ended


def ended(**options):
    """A child that has ended and was not waited for."""
    process = subprocess.Popen(["true"], **options)
    until_s = time.monotonic() + 5.0
    while not _has_ended(process.pid):
        assert time.monotonic() < until_s
        time.sleep(0.01)
    return process


def is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_who_was_found_dead_twice_is_reaped():
    process = ended(process_group=0)
    reaper = AdoptedReaper(set)
    reaper.look()
    assert is_there(process.pid)
    reaper.look()
    assert not is_there(process.pid)
    process.wait()


@pytest.mark.parametrize("whose", ["a run's", "a group's"])
def test_who_is_waited_for_is_left(whose):
    process = ended(**({"process_group": 0} if whose == "a run's" else {}))
    reaper = AdoptedReaper(lambda: {process.pid} if whose == "a run's" else set())
    for _ in range(4):
        reaper.look()
    assert process.wait() == 0
    assert process.returncode == 0


def test_without_children_it_does_nothing():
    AdoptedReaper(set).look()
