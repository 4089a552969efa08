"""A SequenceSystem behind Channel Access: load, step, preview, abort, death."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from sswd.testing import running_daemon

DRIVERS = Path(__file__).parent / "drivers"


@pytest.fixture(scope="module")
def daemon():
    with running_daemon("sequence_stage:Stage", folder=DRIVERS) as running:
        yield running


def test_load_and_step(daemon) -> None:
    assert daemon.put("CMD", "lin_series(0, 8, 2)")
    assert daemon.get("ACK") == "1"
    np.testing.assert_array_equal(daemon.get("values"), [0, 2, 4, 6, 8])
    assert daemon.put("DIVIDER", 2)
    for count, value in [(0, 0), (1, 0), (2, 2), (13, 2), (9, 8)]:
        assert daemon.put("INDEX", count)
        assert daemon.get("VAL") == value
        assert daemon.get("INDEX_RBV") == count
        assert daemon.get("READY", as_string=True) == "READY"
        assert daemon.alarm("READY") == (0, 0)
    assert daemon.put("DIVIDER", 1)


def test_refused_text_fails_in_words(daemon) -> None:
    assert not daemon.put("CMD", "liner(0, 8)")
    assert daemon.get("CMD_STATE", as_string=True) == "FAILED"
    assert "column 1: unknown function 'liner'" in daemon.get("CMD_ERROR")
    assert daemon.get("ACK").startswith("0 column 1")
    assert len(daemon.get("values")) == 0


def test_verb_is_called(daemon) -> None:
    assert daemon.put("CMD", "flow(position=25, speed=0.5)")
    assert daemon.get("message") == "flow to 25 at 0.5"
    assert not daemon.put("CMD", "flow(psition=25)")
    assert "did you mean position?" in daemon.get("CMD_ERROR")


def test_preview_executes_nothing_also_while_a_step_runs(daemon) -> None:
    assert daemon.put("CMD", "[1, 200]")
    daemon.put("INDEX", 1, wait=False)
    daemon.wait_for("READY", "NOT READY")
    for text, start in [
        ("linear(0, 10, 1)", "10 points: 0, 1, 2 ... 7, 8, 9"),
        ("flow(25)", "calls flow(position=25.0), about 2 s"),
        ("9**9**9**9", "refused: column 2"),
    ]:
        assert daemon.put("CMD_PREVIEW", text)
        assert daemon.get("CMD_PREVIEW").startswith(start)
    assert daemon.get("CMD") == "[1, 200]"
    daemon.put("ABORT", 1)
    daemon.wait_for("CMD_STATE", "ABORTED")
    assert daemon.get("READY", as_string=True) == "NOT READY"


def test_return_value_follows_an_abort(daemon) -> None:
    assert daemon.put("RETURN_VALUE", 7.5)
    assert daemon.put("CMD", "[1, 200]")
    daemon.put("INDEX", 1, wait=False)
    daemon.wait_for("READY", "NOT READY")
    daemon.put("ABORT", 1)
    daemon.wait_for("VAL", 7.5)
    daemon.wait_for("READY", "READY")


def test_new_run_takes_over_and_the_lost_step_is_sent_again(daemon) -> None:
    assert daemon.put("CMD", "[1, 2, 200]")
    assert daemon.put("DIVIDER", 3)
    assert daemon.put("INDEX", 5)
    daemon.put("INDEX", 6, wait=False)
    daemon.wait_for("READY", "NOT READY")
    os.kill(daemon.get("WORKER:PID"), signal.SIGKILL)
    daemon.wait_for("CMD_STATE", "LOST")
    assert daemon.alarm("READY")[1] == 3  # INVALID
    daemon.wait_for("message", lambda text: "INDEX 6 did not succeed" in text)
    np.testing.assert_array_equal(daemon.get("values"), [1, 2, 200])
    assert daemon.alarm("values") == (0, 0)
    assert daemon.get("INDEX") == 6
    assert daemon.get("INDEX_RBV") == 5
    assert daemon.get("READY", as_string=True) == "NOT READY"
    assert daemon.put("INDEX", 9)  # 9 // 3 % 3 = 0: the divider came back too
    assert daemon.get("VAL") == 1
    assert daemon.get("READY", as_string=True) == "READY"
