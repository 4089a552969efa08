"""What tests of sswd, and users' tests of their own drivers, need.

`running_daemon` serves a system in a real daemon with a real worker on loopback;
`FakeWorker` stands in for a worker in tests of the IOC's side, which `running_ioc`
serves in a thread of the test; `loopback_env` keeps Channel Access on 127.0.0.1 with
ports of its own::

    def test_stage():
        with running_daemon(system="mylab.stage:Stage") as daemon:
            daemon.put("CMD", "home")
            assert daemon.get("ACK") == "1"
"""

from sswd.testing.client import CaClient, DaemonError
from sswd.testing.daemon import Daemon, running_daemon
from sswd.testing.fake import FakeRun, FakeWorker, FakeWorkerError
from sswd.testing.ioc import running_ioc
from sswd.testing.loopback import child_env, free_port, loopback_env

__all__ = [
    "CaClient",
    "Daemon",
    "DaemonError",
    "FakeRun",
    "FakeWorker",
    "FakeWorkerError",
    "child_env",
    "free_port",
    "loopback_env",
    "running_daemon",
    "running_ioc",
]
