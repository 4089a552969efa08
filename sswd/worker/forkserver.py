"""The fork server: it has imported what every worker imports, and forks workers.

A worker is a child of the IOC, not of this process. It is forked twice: the process
between ends at once, and the kernel gives its child to the IOC, which adopts orphans
(sswd/ioc/process/adopted.py). Only then is it told to go on, so the IOC can ask for its
exit code, and PR_SET_PDEATHSIG means the end of the IOC.

What a fork copies must be fit to be copied:

- one thread, asked before each fork: a lock that another one holds would be held in the
  worker for ever. numpy is kept from starting threads by variables (ONE_THREAD);
- no module of a user, so that a restart has fresh code;
- no pipe of a worker: each is closed here before the next is forked;
- nothing random: numpy's generator has a seed of its own in each worker, Python's has
  that by itself.

Threading model: one thread.
"""

import contextlib
import ctypes
import gc
import importlib
import os
import signal
import socket
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy.random
from multiprocess import spawn
from multiprocess.connection import Connection

import sswd.worker.main
from sswd.errors import PipeClosed
from sswd.pipe.forkserver import Answer, Request, receive, replace_environ, send
from sswd.pipe.mark import NoRoomError, change_mark, mark_place
from sswd.pipe.pipes import STDIO
from sswd.pipe.worker_spec import WorkerSpec
from sswd.worker.main import EX_IOC_GONE, PR_SET_PDEATHSIG

_GO = b"\1"


def main(_spec: WorkerSpec, *connections: Connection) -> None:
    """Fork until the IOC is gone. Each worker goes through here as well."""
    asked = socket.socket(fileno=os.dup(connections[2].fileno()))
    for connection in connections:
        connection.close()
    os.setpgid(0, 0)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    gc.collect()
    gc.freeze()  # else the first collection in a worker copies every page
    worker = _serve(asked)
    if worker is None:
        os._exit(0)
    _become(*worker)


def refusal() -> str:
    """Why this process must not fork; "" if it may."""
    try:
        threads = len(list(Path("/proc/self/task").iterdir()))
        mark_place()
    except (OSError, NoRoomError) as ex:
        return f"it cannot look at itself: {ex}"
    return "" if threads == 1 else f"it has {threads} threads"


def _serve(asked: socket.socket) -> tuple[Request, list[int]] | None:
    """Returns in each worker, with what that shall be; None when the IOC is gone."""
    with asked, contextlib.suppress(PipeClosed, OSError):
        send(asked, Answer(refusal=refusal()))
        while True:
            request, descriptors = receive(asked, Request)
            answer = _fork()
            if answer is None:
                return request, descriptors
            for fd in descriptors:
                os.close(fd)
            send(asked, answer)
    return None


def _fork() -> Answer | None:
    """None: this is the worker, and a child of the IOC by now."""
    if words := refusal():
        return Answer(refusal=words)
    try:
        ours, theirs = socket.socketpair()
    except OSError as ex:
        return Answer(errno=ex.errno or 0)
    with ours, theirs:
        try:
            between = os.fork()
        except OSError as ex:
            return Answer(errno=ex.errno or 0)
        if between == 0:
            _fork_again(theirs)
            ours.close()  # else it could not see the end of the fork server
            if theirs.recv(1) != _GO:
                os._exit(EX_IOC_GONE)
            return None
        theirs.close()
        os.waitpid(between, 0)
        answer, _ = receive(ours, Answer)
        with contextlib.suppress(OSError):  # there is no worker to hear it
            ours.send(_GO)
    return answer


def _fork_again(tell: socket.socket) -> None:
    """In the process between. Returns in the worker only."""
    pid = -1
    try:
        pid = os.fork()
        if pid:
            send(tell, Answer(pid=pid))
    except OSError as ex:
        send(tell, Answer(errno=ex.errno or 0))
    finally:
        if pid:
            os._exit(0)


def _become(request: Request, descriptors: list[int]) -> None:
    """Be the worker: have what a spawned one has, and nothing else."""
    os.dup2(descriptors[STDIO], 1)  # what goes wrong from here on is the worker's
    os.dup2(descriptors[STDIO], 2)
    change_mark(request.mark)
    replace_environ(request.environ)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != request.ioc:
        os._exit(EX_IOC_GONE)
    _close_all_but(descriptors)
    spawn.prepare(request.prepared)
    importlib.invalidate_caches()
    time.tzset()
    numpy.random.seed()
    spec = msgspec.msgpack.decode(request.spec, type=WorkerSpec)
    with contextlib.suppress(OSError):  # told when there is a way to tell it
        spec.surroundings.enter()
    sswd.worker.main.main(spec, *map(Connection, descriptors))


def _close_all_but(descriptors: Iterable[int]) -> None:
    kept = {0, 1, 2, *descriptors}
    for fd in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if fd not in kept:
            with contextlib.suppress(OSError):  # the one of this list
                os.close(fd)
