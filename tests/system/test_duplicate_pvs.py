"""A daemon warns when another server, not under its own lock, has the same PVs."""

import os
import time

from sswd.testing import free_port, running_daemon

PREFIX = f"TWICE{os.getpid()}:"
CONFIG = f'prefix = "{PREFIX}"\n[system.a]\ntarget = "echo:Echo"\n'
ECHO = "class Echo:\n    def io_execute(self, pv_name, value):\n        pass\n"


def wait_for_log(daemon, text: str, within_s: float = 10.0) -> None:
    until_s = time.monotonic() + within_s
    while text not in daemon.log:
        assert time.monotonic() < until_s, daemon.log
        time.sleep(0.05)


def test_the_same_prefix_elsewhere_is_told(tmp_path) -> None:
    (tmp_path / "echo.py").write_text(ECHO)
    first = free_port()
    with running_daemon(
        config=CONFIG, folder=tmp_path, port=first, ready=False
    ) as alone:
        wait_for_log(alone, "-> RUNNING")
        asks_first = {"EPICS_CA_ADDR_LIST": f"127.0.0.1:{first}"}
        with running_daemon(
            config=CONFIG, folder=tmp_path, env=asks_first, ready=False
        ) as second:
            wait_for_log(second, f"{PREFIX}CMD is served elsewhere too, by 127.0.0.1:")
        assert "served elsewhere" not in alone.log
