"""`async def` handlers in a real worker, and handlers that cannot be."""

import pytest

from sswd.pipe.protocol import Log, ReadState, Rung

from .rig import was_aborted


@pytest.mark.row(47)
def test_async_handlers_count_when_they_have_ended(rig):
    worker = rig("awaiting:Awaiting").begin()
    assert "set up" in worker.posted("message")
    ended = worker.run(3.0, "X")
    assert ended.failure is None
    assert worker.posted("X_RBV") == [1.5]
    failed = worker.run(-1.0, "X").failure
    assert (failed.kind, failed.message) == ("ValueError", "-1 is below 0")
    worker.wait_post("values", [2.0])
    assert worker.stop() == 0
    assert worker.posted("message")[-1] == "closed"


def test_a_cancelled_coroutine_cleans_up(rig):
    worker = rig("awaiting:Awaiting").begin()
    command = worker.execute(1000.0, "X")
    worker.wait_post("message", "in")
    worker.cancel(command, Rung.FLAG)
    assert was_aborted(worker.wait_finished(command))
    assert worker.posted("message")[-1] == "cleaned up"
    assert worker.run(1.0, "X").failure is None


def test_a_coroutine_that_blocks_gets_the_exception(rig):
    worker = rig("awaiting:Awaiting").begin()
    command = worker.execute("blocks")
    worker.wait_post("message", "in")
    worker.cancel(command, Rung.FLAG)
    worker.cancel(command, Rung.EXCEPTION)
    assert was_aborted(worker.wait_finished(command))
    assert worker.run("again").failure is None


def test_a_coroutine_that_takes_no_cancel_gets_the_exception(rig):
    worker = rig("awaiting:Awaiting").begin()
    command = worker.execute("deaf")
    worker.wait_post("message", "in")
    worker.cancel(command, Rung.FLAG)
    worker.wait_post("message", "deaf")
    worker.cancel(command, Rung.EXCEPTION)
    assert was_aborted(worker.wait_finished(command))
    assert worker.run("again").failure is None


def test_tasks_in_the_background_go_on_between_commands(rig):
    worker = rig("awaiting:Awaiting").begin()
    for _ in range(8):
        worker.wait_post("values")
    worker.run("ticks")
    words = worker.posted("message")[-1]
    assert int(words.split()[1].rstrip(":")) > 20, words


def test_an_async_io_execute_awaits_the_handler(rig):
    worker = rig("awaiting:Around").begin()
    assert worker.run(1.0, "X").failure is None
    assert worker.posted("X_RBV") == [2.0]


def test_a_coroutine_that_a_coroutine_returns_is_run(rig):
    """Somebody forgot `await`; without us that would be a success of nothing."""
    worker = rig("awaiting:Hides").begin()
    assert worker.run("done").failure is None
    assert worker.posted("message") == ["done"]


def test_coroutines_that_no_thread_can_run_are_told(rig):
    worker = rig("awaiting:Hides").begin()
    state = worker.wait(ReadState, lambda said: bool(said.words))
    assert "plain methods" in state.words
    command = worker.execute("sleep")
    worker.wait_post("message", "sleep")
    worker.cancel(command, Rung.FLAG)
    worker.wait(Log, lambda log: "abort() raised" in log.message)
    worker.cancel(command, Rung.EXCEPTION)
    assert was_aborted(worker.wait_finished(command))
    assert not worker.posted("values")


def test_a_plain_worker_never_loads_asyncio(worker):
    worker.run("modules")
    assert "asyncio" not in worker.posted("message")[-1].split(",")


def test_a_metaclass_constructs_in_its_own_way(rig):
    worker = rig("awaiting:Registered", args={"word": "constructing"}).begin()
    assert "constructing" in worker.posted("message")
    worker.run("go")
    assert worker.posted("message")[-1] == "finished True"


@pytest.mark.row(47)
def test_a_generator_is_refused_at_load(rig):
    worker = rig("awaiting:Generates")
    failed = worker.failed()
    assert failed.doing == "import"
    assert failed.failure.kind == "LoadError"
    assert "awaiting.py, line" in failed.failure.message
    assert "Generates.on_cmd is a generator" in failed.failure.message


@pytest.mark.parametrize("target", ["awaiting:Plain", "awaiting:Awaiting"])
def test_what_a_handler_returns_is_the_readback(rig, target):
    worker = rig(target).begin()
    worker.run(5.0, "X")
    assert worker.posted("X_RBV") == [2.5]
