"""Commands that come during the very first start wait for it (and only for it)."""

import time

import pytest

from sswd.testing import running_daemon

SLOW = """
import time
class Slow:
    def setup(self):
        time.sleep(2)
    def io_execute(self, pv_name, value):
        self.io_put_queue.put({"message": f"ran {value}"})
"""


def test_a_put_during_the_first_start_waits(tmp_path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    with running_daemon(system="slow:Slow", folder=tmp_path, ready=False) as daemon:
        daemon.wait_for("WORKER:STATE", "STARTING")
        assert daemon.put("CMD", "early")
        assert daemon.get("message") == "ran early"
        assert daemon.get("CMD_STATE", as_string=True) == "DONE"


@pytest.mark.timing
def test_a_put_during_a_later_start_is_rejected(tmp_path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    with running_daemon(system="slow:Slow", folder=tmp_path) as daemon:
        assert daemon.put("WORKER:RESTART", 1)
        daemon.wait_for("WORKER:STATE", "STARTING")
        began_s = time.monotonic()
        assert not daemon.put("CMD", "late")
        assert time.monotonic() - began_s < 1.5
        assert daemon.get("CMD_STATE", as_string=True) == "REJECTED"
        daemon.wait_for("WORKER:STATE", "RUNNING")
