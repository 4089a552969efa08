"""Masters for tests: real IOCs in processes of their own, at ports of their own."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from sswd.testing import CaClient, child_env, free_port, loopback_env

PUPPET = Path(__file__).parent / "masters" / "puppet.py"


class Puppet(CaClient):
    """A running master and a client that puts to it."""

    def __init__(self, port: int) -> None:
        env = loopback_env(port)
        super().__init__("M:", env)
        self.process = subprocess.Popen(
            [sys.executable, PUPPET],
            env=child_env(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.wait_for("COUNT", lambda count: count is not None, timeout_s=20.0)

    def kill(self) -> None:
        """As by kill -9."""
        self.process.kill()
        self.process.wait()


class Puppets:
    """Starts puppets at either of two ports, and ends those that are left."""

    def __init__(self) -> None:
        self.ports = free_port(), free_port()
        self.started: list[Puppet] = []

    @property
    def env(self) -> dict[str, str]:
        """How a daemon finds them, and how soon it misses one that is frozen."""
        return {
            "EPICS_CA_ADDR_LIST": " ".join(f"127.0.0.1:{p}" for p in self.ports),
            "EPICS_CA_CONN_TMO": "0.5",
        }

    def start(self, which: int = 0) -> Puppet:
        """A puppet at the first or second port."""
        puppet = Puppet(self.ports[which])
        self.started.append(puppet)
        return puppet


@contextlib.contextmanager
def puppets() -> Iterator[Puppets]:
    """For as long as the block runs."""
    made = Puppets()
    try:
        yield made
    finally:
        for puppet in made.started:
            puppet.kill()
