"""Who is found at the end of a run, and what a resource tracker is left."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from sswd import detached_env, guard
from sswd.guard import VARIABLE, end_left, kill_but_trackers
from sswd.pipe.mark import carrying, new_mark

SLEEP = ["sleep", "60"]
TRACKER = "import time; 'resource_tracker'; time.sleep({})"


@pytest.fixture
def start():
    """Starts programs with a mark; all are ended and reaped."""
    started = []

    def one(mark, command=SLEEP, **options):
        with carrying(mark):
            started.append(subprocess.Popen(command, **options))
        return started[-1]

    yield one
    for process in started:
        process.kill()
        process.wait()


def tracker(seconds):
    return ["python", "-S", "-c", TRACKER.format(seconds)]


def test_marks_tell_runs_and_daemons_apart():
    first, second = new_mark("stage"), new_mark("st:a ge\n")
    assert first != second
    assert second.endswith(":st_a_ge_")
    daemon = first.partition(":")[0]
    assert second.startswith(f"{daemon}:")
    assert os.environ.get(VARIABLE) is None


def test_all_that_carry_the_mark_are_ended_wherever_they_are(start):
    mark, other = new_mark("a"), new_mark("a")
    mine = [start(mark), start(mark, start_new_session=True)]
    theirs = start(other)
    end_left({mark})
    assert [process.wait(1) for process in mine] == [-9, -9]
    assert theirs.poll() is None
    end_left({mark.partition(":")[0]})  # a daemon's: all of its runs
    assert theirs.wait(1) == -9


HEADLESS = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(60,)).start()
print(flush=True)
ctypes.CDLL(None).pthread_exit(None)
"""


def test_a_program_without_its_main_thread_is_found(start):
    """It looks like a zombie, but its other threads live."""
    mark = new_mark("a")
    command = ["python", "-S", "-c", HEADLESS]
    process = start(mark, command, stdout=subprocess.PIPE, start_new_session=True)
    with process.stdout as said:
        said.readline()
    stat = Path(f"/proc/{process.pid}/stat")
    until_s = time.monotonic() + 5.0
    while " Z " not in stat.read_text():
        assert time.monotonic() < until_s
        time.sleep(0.01)
    end_left({mark})
    assert process.wait(1) == -9


def test_the_group_is_ended_without_a_mark(start):
    process = start("", env=detached_env(), process_group=0)
    end_left({"no such"}, process.pid)
    assert process.wait(1) == -9


def test_a_program_that_may_not_be_looked_into_is_found_by_its_group(
    start, monkeypatch
):
    """One that is not dumpable, where we are not root."""

    def read(pid, name):
        if name.endswith("environ"):
            raise PermissionError(13, "Permission denied")
        return _read(pid, name)

    _read = guard._read
    monkeypatch.setattr(guard, "_read", read)
    process = start(new_mark("a"), process_group=0)
    assert process.pid in list(guard._carriers({b"no such"}, process.pid))


def test_detached_env_takes_the_mark_away(start, monkeypatch):
    mark = new_mark("a")
    monkeypatch.setenv(VARIABLE, mark)
    process = start(mark, env=detached_env(), start_new_session=True)
    end_left({mark})
    assert process.poll() is None


def test_a_tracker_may_end_by_itself(start):
    mark = new_mark("a")
    helper, other = start(mark, tracker(0.2)), start(mark)
    kill_but_trackers({mark}, 0)
    assert other.wait(1) == -9
    end_left({mark}, trackers_s=5.0)
    assert helper.wait(1) == 0


def test_a_tracker_that_stays_is_killed(start):
    mark = new_mark("a")
    helper = start(mark, tracker(60))
    begun_s = time.monotonic()
    end_left({mark}, trackers_s=0.1)
    assert helper.wait(1) == -9
    assert time.monotonic() - begun_s >= 0.1
