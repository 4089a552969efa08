"""lewis' simulated Julabo bath, a process of its own that a test may kill."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
from daemon import until

BIN = Path(sys.executable).parent


@contextlib.contextmanager
def bath(port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        simulator = subprocess.Popen(
            [
                *(BIN / "lewis", "julabo", "-c", "0.02", "-p"),
                f"julabo-version-1: {{bind_address: 127.0.0.1, port: {port}}}",
            ],
            stdout=output,
            stderr=output,
        )
    try:
        until(lambda: listens(port), "lewis to listen", 30.0)
        yield simulator
    finally:
        simulator.kill()
        simulator.wait(10)


def listens(port: int) -> bool:
    return any(
        c.laddr.port == port and c.status == psutil.CONN_LISTEN
        for c in psutil.net_connections("tcp")
    )
