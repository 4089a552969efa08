"""A start for which something is not to be had leaves nothing behind, wherever it ends.

What else it leaves behind is looked for by the check in tests/conftest.py.
"""

import contextlib
import gc
import os
import resource
import select
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sswd.ioc.process.bridge import Gone
from sswd.ioc.process.guardian import Guardian
from sswd.ioc.process.queues import EventfdQueue
from sswd.ioc.process.run import Run
from sswd.pipe.launch import launch
from sswd.pipe.worker_spec import Slots, WorkerSpec

from .rig import DRIVERS

SPEC = WorkerSpec(
    name="scarce",
    target="systems:Chameleon",
    folder=str(DRIVERS),
    slots={"image": Slots(0, 0, 1 << 20, 2)},
)


@contextlib.contextmanager
def at_most(more: int) -> Iterator[None]:
    """So many descriptors more than there are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    first_free = os.dup(0)
    os.close(first_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (first_free + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def descriptors() -> int:
    """How many there are, without those of libca, whose threads come and go with
    theirs: after tests of faults in this process it goes on looking for servers."""
    gc.collect()  # what earlier tests left to it may not go in between
    return sum(not is_of_libca(int(fd)) for fd in os.listdir("/proc/self/fd"))


def is_of_libca(fd: int) -> bool:
    """Whether it is an internet socket; sswd's pipes and sockets are of this host."""
    try:
        found = socket.socket(fileno=fd)
    except OSError:  # another kind of file, or the listing's own
        return False
    found.detach()
    return found.family != socket.AF_UNIX


def test_a_launch_without_enough_descriptors():
    before = descriptors()
    failed = 0
    for more in range(40):
        try:
            with at_most(more):
                process = launch(SPEC)
        except OSError:
            failed += 1
            assert descriptors() == before, f"with {more} descriptors"
            continue
        process.kill_group()
        process.process.join()
        process.close()
        break
    assert failed > 8
    assert descriptors() == before


async def test_a_run_without_enough_descriptors():
    """The guard process as well is one that may be missing, but not missed."""
    up = EventfdQueue()
    guardian = Guardian()
    before = descriptors()
    failed = 0
    for more in range(60):
        try:
            with at_most(more):
                run = Run(SPEC, up, guardian)
        except OSError:
            failed += 1
            guardian.close()
            assert descriptors() == before, f"with {more} descriptors"
            continue
        run.kill("the test is over")
        wait_gone(up)
        run.release()
        del run  # the mapping of its shared memory
        break
    guardian.close()
    assert failed > 8
    assert descriptors() == before
    up.close()


def wait_gone(up: EventfdQueue) -> None:
    poll = select.poll()
    poll.register(up.fileno(), select.POLLIN)
    while True:
        assert poll.poll(10_000)
        up.clear_event()
        while len(up):
            if isinstance(up.take()[1], Gone):
                return


async def test_a_run_without_a_thread(monkeypatch):
    def start(_: Any) -> None:
        raise RuntimeError("can't start new thread")

    up, guardian = EventfdQueue(), Guardian()
    before = descriptors()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(OSError, match="can't start new thread"):
            Run(SPEC, up, guardian)
    guardian.close()
    assert descriptors() == before
    up.close()


async def test_a_guard_that_dies_is_replaced(caplog):
    guardian = Guardian()
    guardian.watch(2**22, "none")
    first = guardian._process
    assert first is not None
    first.kill()
    first.wait()
    guardian.watch(2**22 + 1, "none")
    second = guardian._process
    assert second is not None
    assert second.pid != first.pid
    guardian.forget(2**22, "none")
    guardian.forget(2**22 + 1, "none")
    guardian.close()
    assert first.stdin is not None
    first.stdin.close()
    assert second.returncode == 0
