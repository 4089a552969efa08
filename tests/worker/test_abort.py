"""Ending a command: the flag, abort(), and the exception that never tears our code."""

import time

import pytest

from sswd.pipe.protocol import Cancel, Rung

from .rig import was_aborted

LONG_S = 5.0


def cancelled(worker, text, *rungs):
    """Run a command, end it by these means, one after the other; its Finished."""
    command = worker.execute(text)
    worker.wait_post("message", "in")
    for rung in rungs:
        worker.cancel(command, rung)
    return worker.wait_finished(command)


def is_alive(worker) -> bool:
    """It still runs commands, posts and logs."""
    worker.said.clear()
    worker._taken = 0
    ended = worker.run("ack")
    worker.run("log")
    return (
        ended.failure is None
        and [pv for pv, _ in worker.posts] == ["values", "ACK"]
        and len(worker.logs()) == 3
    )


@pytest.mark.parametrize("how", ["flag", "our_sleep"])
def test_the_flag_ends_what_looks_at_it(worker, how):
    ended = cancelled(worker, how, Rung.FLAG)
    assert was_aborted(ended)
    assert is_alive(worker)


def test_our_sleep_raises_aborted_at_the_flag(worker):
    ended = cancelled(worker, "our_sleep", Rung.FLAG)
    assert was_aborted(ended)


def test_an_abort_that_outlasts_its_command_holds_up_the_next_one_only(worker):
    """It would stop what that begins. Its own command has ended when it has."""
    cancelled(worker, "flag", Rung.FLAG)
    begun_s = time.monotonic()
    worker.run("aborts")
    assert worker.posted("message")[-1] == "sswd-abort"
    assert time.monotonic() - begun_s < LONG_S


def test_abort_is_called_once_from_another_thread(worker):
    cancelled(worker, "flag", Rung.FLAG)
    worker.run("aborts")
    assert worker.posted("message")[-1] == "sswd-abort"


@pytest.mark.parametrize(
    "where",
    ["time_sleep", "socket", "our_sleep", "post_loop", "log_loop", "aborted_loop"],
)
def test_the_exception_ends_anything_in_python(worker, where):
    command = worker.execute(where)
    worker.wait_post("message", "in")
    begun_s = time.monotonic()
    worker.cancel(command, Rung.EXCEPTION)
    ended = worker.wait_finished(command)
    assert time.monotonic() - begun_s < LONG_S
    assert was_aborted(ended)
    assert is_alive(worker)


@pytest.mark.parametrize("where", ["post_loop", "log_loop"])
def test_our_own_code_is_never_torn(worker, where):
    """Aborted many times in the middle of it, it posts and logs as before."""
    for _ in range(25):
        ended = cancelled(worker, where, Rung.EXCEPTION)
        assert was_aborted(ended)
        counts = worker.posted("count")
        assert counts == sorted(counts)
        # Where it was raised, by the last lines of the traceback: not within sswd.
        torn = ended.failure.traceback.splitlines()[-3]
        assert "outbox" not in torn, ended.failure.traceback
        assert "framing" not in torn, ended.failure.traceback
        worker.said.clear()
        worker._taken = 0
    assert is_alive(worker)


def test_a_cleanup_is_not_hit_a_second_time_by_the_same_rung(worker):
    ended = cancelled(worker, "cleanup", Rung.EXCEPTION)
    assert was_aborted(ended)
    assert worker.posted("count") == list(range(20))
    assert worker.posted("message") == ["in", "cleaned up"]


def test_swallowing_it_does_not_make_the_command_a_success(worker):
    ended = cancelled(worker, "swallow", Rung.EXCEPTION)
    assert was_aborted(ended)
    assert "returned" in ended.failure.message


def test_a_gil_holder_ends_by_itself_and_hurts_nobody_after_it(worker):
    """The control thread hears of the Cancel when the command is done, or later."""
    command = worker.execute("gil")
    worker.wait_post("message", "in")
    worker.cancel(command, Rung.EXCEPTION)
    worker.wait_finished(command)
    assert is_alive(worker)


def test_cancelled_before_it_came_it_does_not_run(worker):
    worker.order(Cancel(1000, Rung.FLAG))
    while not was_aborted(worker.run("nothing")):  # ctl and cmd have no mutual order
        assert worker._ids < 1000
    ended = worker.run("word")
    assert was_aborted(ended)
    assert worker.posted("message") == []
    worker._ids = 1000  # above the highest cancelled one
    assert worker.run("word").failure is None
    assert worker.posted("message") == [""]


def test_a_late_cancel_does_not_hit_the_next_command(worker):
    first = worker.execute("nothing")
    worker.wait_finished(first)
    second = worker.execute("our_sleep")
    worker.wait_post("message", "in")
    worker.cancel(first, Rung.EXCEPTION)
    worker.cancel(second, Rung.FLAG)
    ended = worker.wait_finished(second)
    assert was_aborted(ended)
    assert is_alive(worker)


def test_a_periodic_method_is_never_the_target(rig):
    worker = rig("systems:LongPeriodic").begin()
    worker.wait_post("message", "slow")
    command = worker.execute("x")
    worker.cancel(command, Rung.EXCEPTION)
    ended = worker.wait_finished(command)
    assert was_aborted(ended)
    assert "ran" not in worker.posted("message")
    assert worker.posted("message")[:2] == ["slow", "slow done"]
