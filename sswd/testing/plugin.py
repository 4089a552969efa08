"""The pytest plugin of sswd; pytest finds it by itself where sswd is installed.

It adds four fixtures and the options of the conformance suite, and does nothing for
those who use none of them: nothing of sswd but this file is imported then.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sswd.testing import CaClient, Daemon, FakeWorker, TcpProxy

SUITE = Path(__file__).with_name("conformance.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the conformance suite."""
    group = parser.getgroup("sswd", "sswd: run any driver through a conformance suite")
    group.addoption(
        "--sswd-driver",
        metavar="DRIVER",
        help="the driver: module:Class, found from the current folder, or FILE.toml",
    )
    group.addoption(
        "--sswd-arg",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="keyword argument of the class (with module:Class, repeatable); a TOML "
        "value, else the text itself",
    )
    group.addoption(
        "--sswd-put",
        metavar="PV=VALUE",
        action="append",
        default=[],
        help="a put that must succeed, so that the driver posts what only commands "
        "post (repeatable)",
    )
    group.addoption(
        "--sswd-long",
        metavar="PV=VALUE",
        help="a put that takes long enough, 2 s and more, to be aborted",
    )


def pytest_configure(config: pytest.Config) -> None:
    """With --sswd-driver, run the suite: alone, or after the tests that are named."""
    if config.getoption("sswd_driver") is None or str(SUITE) in config.args:
        return
    is_named = config.args_source is pytest.Config.ArgsSource.ARGS
    config.args[:] = [*(config.args if is_named else ()), str(SUITE)]


@pytest.fixture
def sswd_daemon() -> Iterator[Callable[..., "Daemon"]]:
    """Call it as `sswd.testing.running_daemon`; the daemons end with the test::

    def test_home(sswd_daemon):
        daemon = sswd_daemon(system="mylab.stage:Stage")
        assert daemon.put("CMD", "home")
    """
    from sswd.testing import running_daemon

    with contextlib.ExitStack() as stack:
        yield lambda *args, **keywords: stack.enter_context(
            running_daemon(*args, **keywords)
        )


@pytest.fixture
def sswd_proxy() -> Iterator[Callable[[str, int], "TcpProxy"]]:
    """Call it with host and port of an instrument: a line that can be cut."""
    from sswd.testing import TcpProxy

    with contextlib.ExitStack() as stack:
        yield lambda host, port: stack.enter_context(TcpProxy(host, port))


@pytest.fixture
def fake_worker() -> Iterator["FakeWorker"]:
    """A `sswd.testing.FakeWorker`, for IOCs that `running_ioc` serves in the test."""
    from sswd.testing import FakeWorker

    with FakeWorker() as fake:
        yield fake


@pytest.fixture
def ca(monkeypatch: pytest.MonkeyPatch) -> "CaClient":
    """A client for whole PV names, and os.environ with Channel Access on loopback.

    Ports of the test's own: IOCs and other clients that start in it meet there;
    `running_daemon(..., port=int(ca.env["EPICS_CA_SERVER_PORT"]))` as well. Variables
    that are on loopback already are left as they are.
    """
    from sswd.testing import CaClient, loopback_env

    env = loopback_env()
    known = {name: os.environ[name] for name in env if name in os.environ}
    if known.get("EPICS_CA_ADDR_LIST") == "127.0.0.1" and len(known) == len(env):
        env = known
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return CaClient("", env)
