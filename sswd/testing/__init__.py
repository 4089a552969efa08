"""What tests of sswd, and users' tests of their own drivers, need.

`running_daemon` serves a system in a real daemon with a real worker on loopback;
`FakeWorker` stands in for a worker in tests of the IOC's side, which `running_ioc`
serves in a thread of the test; `TcpProxy` stands between a driver and its instrument
and cuts, slows or hangs the line; `loopback_env` keeps Channel Access on 127.0.0.1 with
ports of its own::

    def test_stage():
        with running_daemon(system="mylab.stage:Stage") as daemon:
            daemon.put("CMD", "home")
            assert daemon.get("ACK") == "1"

As a pytest plugin, which is found by itself, it has the fixtures `sswd_daemon`,
`fake_worker`, `ca` and `sswd_proxy`, and `pytest --sswd-driver module:Class`.

Names are imported when first used: every run of pytest where sswd is installed loads
the plugin, and should not wait for what it does not use.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sswd.testing.client import CaClient, DaemonError
    from sswd.testing.daemon import Daemon, running_daemon
    from sswd.testing.fake import FakeRun, FakeWorker, FakeWorkerError
    from sswd.testing.ioc import running_ioc
    from sswd.testing.loopback import child_env, free_port, loopback_env
    from sswd.testing.proxy import TcpProxy

_HOMES = {
    "CaClient": "client",
    "Daemon": "daemon",
    "DaemonError": "client",
    "FakeRun": "fake",
    "FakeWorker": "fake",
    "FakeWorkerError": "fake",
    "TcpProxy": "proxy",
    "child_env": "loopback",
    "free_port": "loopback",
    "loopback_env": "loopback",
    "running_daemon": "daemon",
    "running_ioc": "ioc",
}
__all__ = [
    "CaClient",
    "Daemon",
    "DaemonError",
    "FakeRun",
    "FakeWorker",
    "FakeWorkerError",
    "TcpProxy",
    "child_env",
    "free_port",
    "loopback_env",
    "running_daemon",
    "running_ioc",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
