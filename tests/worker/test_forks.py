"""Row 53, seen from the pipes: a forked child is not the worker."""

import time

import pytest

from sswd.pipe.protocol import Finished, Ready

pytestmark = pytest.mark.row(53)


@pytest.mark.parametrize(
    ("what", "code", "words"),
    [
        ("return", 0, ""),
        ("raise", 1, "RuntimeError: the child failed"),
        ("exit", 7, ""),
        ("post", 1, "only the worker itself posts"),
        ("post and go on", 5, "only the worker itself posts"),
        ("log", 0, "WARNING forking: a word of the child"),
        ("sleep", 0, ""),
    ],
)
def test_a_child_ends_where_it_leaves_user_code(rig, what, code, words):
    worker = rig("forking:Forking").begin()
    assert worker.run(what).failure is None
    assert worker.posted("message") == [f"{what} {code}"]
    assert len([m for m in worker.said if isinstance(m, Finished)]) == 1
    if words:
        printed = worker.wait_output(words)
        assert printed.count("post was refused") == (1 if "post" in what else 0) + (
            printed.count("Error: a post was refused")
        )
        assert f"pid {worker.pid}:" not in printed
    assert worker.stop() == 0


def test_a_child_that_c_code_forked_posts_nothing(rig):
    """Python's hooks did not run there: only the kernel has marked it."""
    worker = rig("forking:Forking").begin()
    assert worker.run("x", pv="C_FORK").failure is None
    assert worker.posted("message") == ["c child 5"]
    assert worker.stop() == 0


def test_a_pool_that_logs_tears_no_frame(rig):
    worker = rig("forking:Forking").begin()
    for _ in range(3):
        assert worker.run(4, pv="POOL").failure is None
    assert worker.posted("message") == [f"sum {sum(n * n for n in range(40))}"] * 3
    worker.wait_output("WARNING forking: pool has 39")
    assert worker.stop() == 0


def test_a_child_does_not_hold_the_pipes_of_a_worker_that_is_gone(rig):
    worker = rig("forking:Forking").begin()
    worker.execute(60.0, pv="LEAVE")
    assert worker.wait_exit() == 3
    until_s = time.monotonic() + 10.0
    while not worker.is_up_closed and time.monotonic() < until_s:
        worker.pump(0.1)
    assert worker.is_up_closed


@pytest.mark.parametrize("target", ["ForksBetween", "ForksInSetup"])
def test_a_child_of_a_method_between_commands_runs_none(rig, target):
    worker = rig(f"forking:{target}").begin()
    if target == "ForksBetween":
        worker.wait_post("message", "forked")
    for _ in range(5):
        assert worker.run("x").failure is None
    assert set(worker.posted("ACK")) == {str(worker.pid)}
    assert len([m for m in worker.said if isinstance(m, Ready)]) == 1
    assert worker.stop() == 0


def test_a_child_of_close_has_not_failed(rig):
    worker = rig("forking:ForksInClose").begin()
    assert worker.stop() == 0
    assert worker.posted("message")[-1] == "child 0"
    assert "failed" not in worker.printed
