"""What a system posts and logs, as it comes out of a real worker."""

import threading
import time

import numpy as np
import pytest

from sswd.pipe.codec import Unsendable
from sswd.pipe.protocol import Grant, Post

from .rig import Rig, was_aborted


def last_of(worker: Rig, pv: str):
    return worker.posted(pv)[-1]


def test_values_before_ack_before_finished(worker):
    worker.run("ack")
    assert [pv for pv, _ in worker.posts] == ["values", "ACK"]
    assert worker.posted("values")[0].tolist() == [1.0, 2.0]


def test_a_burst_conflates_and_loses_neither_the_last_nor_the_order(worker):
    worker.run("burst")
    counts = worker.posted("count")
    assert counts == sorted(set(counts))
    assert counts[-1] == 999
    assert [pv for pv, _ in worker.posts][-2:] == ["values", "ACK"]


def test_without_credit_nothing_but_finished_comes(rig):
    worker = rig("systems:Chameleon", grants=False, credits=2, outbox=8).begin()
    ended = worker.run("burst")
    sent = [m for m in worker.said if isinstance(m, Post)]
    assert len(sent) <= 2
    assert len(ended.posts) <= 8 + 2 + 1
    assert last_of(worker, "count") == 999


def test_every_ack_arrives_under_a_flood(rig):
    worker = rig("systems:Chameleon", grants=False, credits=1).begin()
    command = worker.execute("acks")
    granting = threading.Event()

    def grant() -> None:
        while not granting.wait(0.01):
            worker.order(Grant(1))

    thread = threading.Thread(target=grant)
    thread.start()
    try:
        worker.wait_finished(command)
    finally:
        granting.set()
        thread.join()
    assert worker.posted("ACK") == [str(i) for i in range(200)]
    newest = -1
    for pv, value in worker.posts:
        if pv == "count":
            newest = value
        else:
            assert newest >= int(value)


def test_threads_post_while_main_runs_commands(rig):
    """Three in a tight loop; each command's values and ACK still come in order."""
    worker = rig("systems:Poster").begin()
    for i in range(1, 30):
        worker.run(str(i))
        mine = [(pv, v) for pv, v in worker.posts if pv in ("values", "ACK")]
        assert [pv for pv, _ in mine][-2:] == ["values", "ACK"]
        assert mine[-2][1].tolist() == [float(i)]
        assert mine[-1][1] == str(i)
    for pv in "abc":
        counts = worker.posted(pv)
        assert counts == sorted(set(counts))
        assert len(counts) > 3


def test_large_arrays_arrive_whole(worker):
    worker.run("large")
    images = worker.posted("image")
    assert (images[-1] == 19.0).all()
    for image in images:
        assert image.shape == (1 << 18,)
        assert (image == image[0]).all()


def test_odd_values_do_not_take_others_along(worker):
    worker.run("odd")
    posted = dict(worker.posts)
    assert isinstance(posted["obj"], Unsendable)
    assert isinstance(posted["int"], Unsendable)
    assert isinstance(posted["nested"], Unsendable)
    assert posted["surrogate"] == "caf\udce9"
    assert posted["none"] is None
    assert posted["fine"] == 1.5


@pytest.mark.parametrize("command", ["gc_post", "signal_post"])
def test_posts_from_odd_places_do_not_deadlock(worker, command):
    ended = worker.run(command)
    assert ended.failure is None, ended.failure
    counts = worker.posted("count")
    assert counts == sorted(set(counts))
    assert worker.posted("garbage" if command == "gc_post" else "alarm")


# -- logging


def test_records_with_level_name_and_traceback(worker):
    worker.run("log")
    first, second, third = worker.logs()
    assert (first.level, first.logger, first.message) == (30, "systems", "a warning")
    assert (second.level, second.logger) == (40, "some.library")
    assert third.message == "while moving"
    assert "OSError: no route to host" in third.trace


def test_wrong_arguments_of_a_log_call_hurt_nobody(worker):
    assert worker.run("log_wrong").failure is None
    number, broken, file = (r.message for r in worker.logs())
    assert "unfit arguments" in number
    assert "unfit arguments" in broken
    assert file == "file caf\\udce9"


# -- stdout and stderr


def test_print_and_c_output_come_through_the_pipe(worker):
    worker.run("print")
    printed = worker.wait_output("from C\n")
    assert "to stdout\n" in printed
    assert "to stderr\n" in printed


def test_a_flood_of_output_passes_while_it_is_read(worker):
    assert worker.run("flood").failure is None
    printed = worker.wait_output("line 19999")
    assert printed.count("\n") == 20_000


def test_a_driver_that_closes_stdout_lives(worker):
    ended = worker.run("close_stdout")
    assert worker.run("nothing").failure is None
    assert ended.failure is None or ended.failure.kind == "OSError"
    assert worker.stop() == 0


def test_crash_text_survives_a_closed_stderr(worker):
    worker.run("close_stdout")
    worker.execute("segfault")
    worker.wait_exit()
    assert "Segmentation fault" in worker.printed


# -- failures of commands


def test_a_failure_in_words_and_with_its_traceback(worker):
    failure = worker.run("raise").failure
    assert failure is not None
    assert (failure.kind, failure.message) == ("ValueError", "first line\nsecond line")
    assert "do_raise" in failure.traceback
    assert worker.run("nothing").failure is None


def test_an_exception_without_words(worker):
    failure = worker.run("broken_str").failure
    assert failure is not None
    assert failure.kind == "Broken"
    assert "RuntimeError" in failure.message


def test_a_keyboard_interrupt_is_a_failure(worker):
    failure = worker.run("keyboard_interrupt").failure
    assert failure is not None
    assert failure.kind == "KeyboardInterrupt"


def test_an_unknown_pv_is_told(rig):
    worker = rig("systems:Periodic").begin()
    failure = worker.run(1.0, pv="SPEED").failure
    assert failure is not None
    assert failure.kind == "NotImplementedError"
    assert "on_SPEED" in failure.message


# -- kinds of systems


def test_periodic_methods_run_between_commands_only(rig):
    worker = rig("systems:Periodic").begin()
    worker.wait_post("ticks", 3)
    worker.run("x")
    assert worker.posted("message") == ["0"]
    after = last_of(worker, "ticks")
    worker.wait_post("ticks", after + 3)
    ticks = worker.posted("ticks")
    assert ticks == list(range(1, len(ticks) + 1))


def test_a_periodic_method_that_fails_is_told_once_and_others_go_on(rig):
    worker = rig("systems:Periodic").begin()
    worker.wait_post("ticks", 5)
    (told,) = [r for r in worker.logs() if "broken" in r.message]
    assert "no readback" in told.trace


def test_missed_periods_are_not_made_up_for(rig):
    worker = rig("systems:Periodic").begin()
    worker.wait_post("ticks", 1)
    worker.run("x")  # takes ten periods
    before = len(worker.posted("ticks"))
    begun_s = time.monotonic()
    worker.wait_post("ticks", before + 3)
    assert time.monotonic() - begun_s > 0.01  # ten made up for would take none


def test_a_classic_object(rig):
    """No base class: queues before __init__, init(), and text that knows its bytes."""
    worker = rig("systems:Classic").begin()
    worker.run("µm", pv="GO")
    assert worker.posted("message") == [
        "queue is there in __init__",
        "init",
        "GO c2b56d 'µm'",
    ]
    assert worker.posted("ACK") == [1]


def test_a_run_loop(rig):
    worker = rig("systems:Loop").begin()
    for text in ("a", "b"):
        assert worker.run(text).failure is None
    assert worker.posted("message") == [
        "run begins",
        "{'CMD': 'a'}",
        "{'CMD': 'b'}",
    ]
    assert worker.stop() == 0
    assert last_of(worker, "message") == "closed"


def test_a_run_loop_that_raises_fails_the_command_and_is_run_again(rig):
    worker = rig("systems:Loop").begin()
    failure = worker.run("raise").failure
    assert failure is not None
    assert failure.message == "in run()"
    assert worker.run("a").failure is None
    assert worker.posted("message").count("run begins") == 2


def test_a_run_loop_is_aborted_and_run_again(rig):
    from sswd.pipe.protocol import Rung

    worker = rig("systems:Loop").begin()
    command = worker.execute("sleep")
    worker.wait_post("message", "{'CMD': 'sleep'}")
    worker.cancel(command, Rung.EXCEPTION)
    assert was_aborted(worker.wait_finished(command))
    assert worker.run("a").failure is None


def test_a_run_loop_that_returns_ends_the_worker(rig):
    worker = rig("systems:Loop").begin()
    worker.execute("return")
    assert worker.wait_exit() == 0
    assert any("run() returned" in r.message for r in worker.logs())


def test_a_run_loop_that_raises_between_commands_ends_the_worker(rig):
    """Its thread that is still there does not keep it."""
    worker = rig("systems:Loop").begin()
    worker.execute("die between")
    assert worker.wait_exit() not in (0, None)
    assert "between commands" in worker.printed


def test_a_run_loop_that_polls(rig):
    worker = rig("systems:PollingLoop").begin()
    worker.wait_post("idle", 2)
    assert worker.run("a").failure is None
    idle = last_of(worker, "idle")
    worker.wait_post("idle", idle + 2)
    assert worker.stop() == 0


def test_an_array_as_a_command(worker):
    worker.run(np.arange(3.0), pv="TARGET")
    assert last_of(worker, "message") == "TARGET ndarray array([0., 1., 2.])"
