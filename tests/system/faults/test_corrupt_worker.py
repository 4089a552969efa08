"""Row 59: a worker whose bytes are no messages ends its run, and hurts nobody else."""

import contextlib
import sys
import time
from collections.abc import Iterator

import psutil
import pytest
from client import UP_S, Client, ca_is_up, ca_port
from daemon import until
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from systems import MISBEHAVING, one_system, tables_of

from sswd.testing import Daemon, running_daemon

pytestmark = pytest.mark.row(59)

corrupt = tables_of("corrupt")
CONFIG = one_system(
    "corrupt:Corrupt",
    restart="delay_s = 0.05\nmax_delay_s = 0.05",
    pvs='NUMBER = { type = "int" }\nTEXT = { type = "text" }',
)
VERDICT_S = 10.0


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with running_daemon(config=CONFIG, folder=MISBEHAVING, port=ca_port()) as daemon:
        yield daemon


class Watch:
    """What the IOC does while a worker goes wrong."""

    def __init__(self, daemon: Daemon, client: Client) -> None:
        self.daemon = daemon
        self.pv = daemon.prefix + "WORKER:RUN"
        self.client = client
        self.process = psutil.Process(daemon.pid)
        self.run = client.get(self.pv)
        self.before_mb = self.most_mb = self.rss_mb()
        self.slowest_s = 0.0

    def rss_mb(self) -> float:
        return self.process.memory_info().rss / 1e6

    def has_ended(self) -> bool:
        """Whether there is a new run; measures a get."""
        begun_s = time.monotonic()
        run = self.client.get(self.pv)
        self.slowest_s = max(self.slowest_s, time.monotonic() - begun_s)
        self.most_mb = max(self.most_mb, self.rss_mb())
        return bool(run != self.run)

    def check(self, name: str) -> None:
        """A get took at most five times the 50 ms of a quiet host."""
        assert self.slowest_s < UP_S, name
        assert self.most_mb - self.before_mb < 20, name


def is_running(daemon: Daemon, client: Client) -> None:
    state = daemon.prefix + "WORKER:STATE"
    until(lambda: client.get(state) == "RUNNING", "RUNNING")


@pytest.mark.parametrize("name", [*corrupt.WRONG, *corrupt.DRIPS])
@pytest.mark.timing
def test_what_is_no_message_ends_the_run_in_words(
    daemon: Daemon, client: Client, name: str
) -> None:
    is_running(daemon, client)
    at = len(daemon.log)
    watch = Watch(daemon, client)
    client.put(daemon.prefix + "CMD", name, wait=False)
    until(watch.has_ended, name, timeout_s=VERDICT_S)
    told = daemon.log[at:]
    assert "worker main sent bytes that are no message" in told
    assert len(told) < 50_000
    watch.check(name)
    is_running(daemon, client)
    assert client.put(daemon.prefix + "CMD", "good")
    assert client.get(daemon.prefix + "NUMBER") == 7
    ca_is_up(daemon, client)


@pytest.mark.parametrize("name", list(corrupt.FLOODS))
@pytest.mark.timing
def test_valid_messages_without_end_keep_nobody_waiting(
    daemon: Daemon, client: Client, name: str
) -> None:
    is_running(daemon, client)
    at = len(daemon.log)
    watch = Watch(daemon, client)
    done = client.start_put(daemon.prefix + "CMD", f"flood {name}")
    until(lambda: watch.has_ended() or done.done(), name, timeout_s=20)
    watch.check(name)
    assert len(daemon.log) - at < 20_000_000
    is_running(daemon, client)
    ca_is_up(daemon, client)


FRAMES = [corrupt.frame(message) for message in corrupt.MESSAGES.values()]
PROCESSES = Phase.generate, Phase.explicit
"""Hypothesis shrinks nothing: each example is the end of a process."""


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """Valid frames with bytes changed, cut out or put in."""
    data = bytearray(b"".join(draw(st.lists(st.sampled_from(FRAMES), min_size=1))))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.sampled_from(["set", "cut", "put"])):
            case "set":
                data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case "cut":
                del data[at : at + draw(st.integers(1, 40))]
            case "put":
                data[at:at] = draw(st.binary(min_size=1, max_size=20))
    return bytes(data[:4000]) or b"x"


def end_run(watch: Watch) -> None:
    """Kill the worker and watch until the next run."""
    with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended by itself
        psutil.Process(watch.client.get(watch.daemon.prefix + "WORKER:PID")).kill()
    until(watch.has_ended, "the next run", timeout_s=VERDICT_S)


def watch_an_end(daemon: Daemon, client: Client) -> Watch:
    is_running(daemon, client)
    watch = Watch(daemon, client)
    end_run(watch)
    return watch


@pytest.mark.timing
def test_damaged_messages_hurt_nobody(daemon: Daemon, client: Client) -> None:
    """No get takes over 50 ms, or five times the longest on this host while workers end
    that are not corrupt. The IOC's memory stays, over all of them."""
    typical = [watch_an_end(daemon, client) for _ in range(5)]
    limit_s = max(0.05, 5 * max(watch.slowest_s for watch in typical))

    @settings(
        max_examples=20,
        deadline=None,
        database=None,
        phases=PROCESSES,
        derandomize=True,
    )
    @given(mutations())
    def damage(data: bytes) -> None:
        is_running(daemon, client)
        watch = Watch(daemon, client)
        client.put(daemon.prefix + "CMD", f"bytes {data.hex()}", wait=False)
        until_s = time.monotonic() + 0.3  # most are told at once, or are messages
        while time.monotonic() < until_s and not watch.has_ended():
            pass
        if not watch.has_ended():  # messages, or a part of one that is waited for
            end_run(watch)
        assert watch.slowest_s < limit_s, data.hex()

    damage()
    assert typical[-1].rss_mb() - typical[-1].before_mb < 20
    ca_is_up(daemon, client)


FROZEN = """
import atexit, gc, runpy, sys
atexit.register(lambda: print("frozen:", gc.get_freeze_count(), flush=True))
sys.argv = ["sswd", *sys.argv[1:]]
runpy.run_module("sswd", run_name="__main__", alter_sys=True)
"""


def test_no_collection_looks_at_what_stays_to_the_end() -> None:
    """A flood of refused posts brings on a full one: 0.1 s on a busy host."""
    command = (sys.executable, "-c", FROZEN)
    with running_daemon(config=CONFIG, folder=MISBEHAVING, command=command) as daemon:
        daemon.stop()
        frozen = daemon.log.partition("frozen: ")[2].split()[0]
    assert int(frozen) > 50_000
