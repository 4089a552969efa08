"""Pins Channel Access to loopback before any client library is imported, and fails a
test that leaves a thread, a child process, a file descriptor or an asyncio task behind.

The home directory is an empty one, and the run fails if a test leaves a file in it.
"""

import asyncio
import atexit
import gc
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

# pytest compiles every file anew, for its asserts, unless it may keep what it made:
# some 20 s for each of five processes. Those that tests start do as they are told.
sys.dont_write_bytecode = False

import hypothesis  # noqa: E402
import pytest  # noqa: E402

from sswd.testing import loopback_env  # noqa: E402

os.environ.update(loopback_env())

# Processes of pytest-xdist find the directories that their controller made.
_OURS = "SSWD_TESTS_DIRECTORY"
if _OURS not in os.environ:
    os.environ[_OURS] = tempfile.mkdtemp(prefix="sswd-tests-")
    atexit.register(shutil.rmtree, os.environ[_OURS], ignore_errors=True)
HOME = Path(os.environ[_OURS]) / "home"
HOME.mkdir(exist_ok=True)
os.environ["HOME"] = str(HOME)
os.environ["XDG_STATE_HOME"] = os.environ[_OURS] + "/state"
for _name in ("STATE_DIRECTORY", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
    os.environ.pop(_name, None)

# In the background we ignore Ctrl-C, with nohup the hang-up; our children would too.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Two noisy cores: how long an example takes says nothing.
hypothesis.settings.register_profile(
    "sswd", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("sswd")

# libca starts a caRepeater, and never waits for it, unless this port is taken.
_repeater = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
_repeater.bind(("", int(os.environ["EPICS_CA_REPEATER_PORT"])))
atexit.register(_repeater.close)


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The Channel Access side is tested on the loop of `sswd run`."""
    from sswd.ioc.ca import QuickLoop

    if "tests/ioc/ca" in item.path.as_posix():
        return {"quick": QuickLoop}
    return {"asyncio": asyncio.new_event_loop}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """For `-m timing`, no file is imported that has no such test."""
    if config.getoption("markexpr") != "timing" or not collection_path.is_file():
        return None
    return None if "mark.timing" in collection_path.read_text() else True


def pytest_collection_finish() -> None:
    """All tests and what they import is there to stay: no collection of garbage needs
    to look at it again, which takes 0.2 s each time."""
    gc.collect()
    gc.freeze()


GRACE_S = 5.0
"""Ends that were asked for may take so long."""


def _threads() -> dict[int, str]:
    return {t.ident or 0: t.name for t in threading.enumerate()}


def _children() -> dict[int, str]:
    """Our child processes, zombies included, by pid."""
    found = {}
    for task in Path("/proc/self/task").iterdir():
        try:
            pids = (task / "children").read_text().split()
        except OSError:  # the thread has just ended
            continue
        for pid in pids:
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
            except OSError:
                continue
            found[int(pid)] = words.decode(errors="replace") or "zombie"
    return found


def _descriptors() -> dict[int, str]:
    found = {}
    for entry in os.listdir("/proc/self/fd"):
        try:
            found[int(entry)] = os.readlink(f"/proc/self/fd/{entry}")
        except OSError:  # the listing's own
            continue
    return found


CHECKS: tuple[tuple[str, Callable[[], dict[int, str]]], ...] = (
    ("thread", _threads),
    ("child process", _children),
    ("file descriptor", _descriptors),
)


@pytest.fixture(autouse=True)
def no_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """What was not there before must go within GRACE_S after the test.

    `@pytest.mark.leaks("why", "thread")` excuses a kind, for what foreign libraries
    keep until the end of the process. libca's sockets are excused always.
    """
    excused = {
        kind for mark in request.node.iter_markers("leaks") for kind in mark.args[1:]
    }
    checks = [check for check in CHECKS if check[0] not in excused]
    before = [look() for _, look in checks]
    yield
    until_s = time.monotonic() + GRACE_S
    while left := _left(checks, before):
        if time.monotonic() > until_s:
            pytest.fail(f"left behind: {left}")
        gc.collect()
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def no_pending_tasks(request: pytest.FixtureRequest) -> Iterator[None]:
    """No task of a test's event loop is left when its fixtures have ended.

    Those that were cancelled may take GRACE_S. pytest-asyncio would cancel the others
    without a word. Its loop outlives this fixture because this fixture asks for it.
    """
    name = "_function_scoped_runner"
    if name not in request.fixturenames:
        yield
        return
    runner: asyncio.Runner = request.getfixturevalue(name)
    yield
    if left := runner.run(_pending_tasks()):
        pytest.fail(f"left pending: {left}")


async def _pending_tasks() -> set[asyncio.Task[object]]:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if not others:
        return set()
    return (await asyncio.wait(others, timeout=GRACE_S))[1]


def _left(
    checks: list[tuple[str, Callable[[], dict[int, str]]]],
    before: list[dict[int, str]],
) -> str:
    has_libca = "epicscorelibs" in sys.modules
    return "; ".join(
        f"{kind} {number} {name}"
        for (kind, look), known in zip(checks, before, strict=True)
        for number, name in look().items()
        if known.get(number) != name and not (has_libca and name.startswith("socket:"))
    )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run if there is a file in the home directory."""
    # pip asks rustc for its version, and rustup's stand-in for it leaves a file.
    found = sorted(
        str(path)
        for path in HOME.rglob("*")
        if not path.is_dir() and ".rustup" not in path.parts
    )
    if found and not hasattr(session.config, "workerinput"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\nleft in the home directory: {found}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Texts with lone surrogates, which some tests log, must not stop pytest-xdist."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode())
        for name, text in report.sections
    ]
    return report
