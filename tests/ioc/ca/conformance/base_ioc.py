"""EPICS base's softIoc in a process of its own."""

import contextlib
import socket
import subprocess
import sys
import time
from pathlib import Path

from sswd.testing import child_env, free_port, loopback_env

HERE = Path(__file__).parent


@contextlib.contextmanager
def serving_base(database, port=None):
    """Serve this file, of `HERE` unless its path is whole; gives the port."""
    port = port or free_port()
    ioc = subprocess.Popen(
        [sys.executable, "-m", "epicscorelibs.ioc", "-d", str(HERE / database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=child_env(loopback_env(port)),
    )
    try:
        until_s = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            assert ioc.poll() is None, "the softIoc has ended"
            assert time.monotonic() < until_s, "the softIoc does not listen"
            time.sleep(0.05)
        yield port
    finally:
        ioc.kill()
        ioc.wait()
        ioc.stdin.close()
