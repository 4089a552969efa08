"""Row 22: posts without end; row 32: output without end, or without a place to go."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import psutil
import pytest
from client import Client, ca_is_up, ca_port
from daemon import until
from prober import probing
from served import served
from systems import MISBEHAVING, one_system

from sswd.testing import Daemon, loopback_env

CONFIG = one_system(
    "floods:Flood",
    pvs="""
COUNT = { type = "int" }
TOOK = { type = "float" }
"""
    + "".join(
        f'{name}{i} = {{ type = "int" }}\n' for i in "0123" for name in ("T", "DONE")
    ),
)
POSTS = 100_000
BOUND_MB = 30.0


@pytest.fixture
def daemon(client: Client) -> Iterator[Daemon]:
    with served(CONFIG, client) as daemon:
        yield daemon


class Memory:
    """Resident memory of IOC and worker, watched while a block runs."""

    def __init__(self, daemon: Daemon, client: Client) -> None:
        pids = (daemon.pid, client.get(daemon.prefix + "WORKER:PID"))
        self._processes = [psutil.Process(pid) for pid in pids]
        self._before = self._now()
        self._is_over = threading.Event()
        self.grown_mb = [0.0, 0.0]

    def _now(self) -> list[float]:
        return [p.memory_info().rss / 1e6 for p in self._processes]

    def _look(self) -> None:
        while not self._is_over.wait(0.02):
            for i, now in enumerate(self._now()):
                self.grown_mb[i] = max(self.grown_mb[i], now - self._before[i])

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def assert_bounded(self) -> None:
        """Neither the IOC nor the worker grew by more than BOUND_MB."""
        assert max(self.grown_mb) < BOUND_MB, f"MB grown (IOC, worker): {self.grown_mb}"


@pytest.mark.timing
@pytest.mark.row(22)
def test_100000_posts_in_a_second(daemon: Daemon, client: Client) -> None:
    prefix = daemon.prefix
    counts = client.monitor(prefix + "COUNT")
    memory = flooded(daemon, client, f"posts {POSTS}")
    counts.wait_for(POSTS, timeout_s=1.0)
    assert client.get(prefix + "COUNT") == POSTS
    assert counts.values == sorted(counts.values)
    took_s = client.get(prefix + "TOOK")
    print(
        f"{POSTS} posts in {took_s:.2f} s, {len(counts.seen)} seen, MB grown {memory}"
    )


@pytest.mark.timing
@pytest.mark.row(22)
def test_posts_in_a_loop(daemon: Daemon, client: Client) -> None:
    """A number and 10,000 doubles, as fast as they go."""
    prefix = daemon.prefix
    count, values = (client.monitor(prefix + pv) for pv in ("COUNT", "values"))
    memory = flooded(daemon, client, "loop 4")
    last = client.get(prefix + "COUNT")
    count.wait_for(last, timeout_s=1.0)
    values.wait_for(lambda seen: seen.value[-1] == last, timeout_s=1.0)
    assert len(values.seen) > 100
    assert count.drops == values.drops == 0
    print(
        f"loop: {last} posts, {len(count.seen)} and {len(values.seen)} seen, {memory}"
    )


@pytest.mark.timing
@pytest.mark.row(22)
def test_posts_of_four_threads(daemon: Daemon, client: Client) -> None:
    """With names that no PV has, ever new ones: they may not pile up either."""
    prefix = daemon.prefix
    counts = [client.monitor(f"{prefix}T{i}") for i in range(4)]
    memory = flooded(daemon, client, "threads 4")
    for i, monitor in enumerate(counts):
        monitor.wait_for(client.get(f"{prefix}DONE{i}"), timeout_s=1.0)
    assert daemon.log.count("no such PV") <= 1000
    assert client.get(prefix + "WORKER:REFUSED") > 1000
    print(
        f"threads: {[len(monitor.seen) for monitor in counts]} seen, MB grown {memory}"
    )


def flooded(daemon: Daemon, client: Client, text: str) -> list[float]:
    """MB that IOC and worker grew by while the command ran, and CA was up."""
    with (
        Memory(daemon, client) as memory,
        probing(ca_port(), daemon.prefix + "WORKER:PID") as answers,
    ):
        assert client.put(daemon.prefix + "CMD", text, timeout_s=30.0)
    print(f"{text}: {answers}")
    answers.assert_up()
    memory.assert_bounded()
    return memory.grown_mb


@pytest.mark.timing
@pytest.mark.row(32)
@pytest.mark.parametrize(
    "text", ["print 30000", "raw 5", "log 30000", "close_fds", "close_files"]
)
def test_output_never_blocks_and_is_limited(
    daemon: Daemon, client: Client, text: str
) -> None:
    prefix = daemon.prefix
    worker = client.get(prefix + "WORKER:PID")
    put = client.start_put(prefix + "CMD", text)
    ca_is_up(daemon, client)
    assert put.result(30.0)
    assert client.put(prefix + "CMD", "print_anyway")
    assert client.get(prefix + "WORKER:PID") == worker
    assert len(daemon.log) < 200_000
    if not text.startswith("close"):
        until(lambda: "dropped" in daemon.log, "words of dropping")
    # What matters after a crash is there, even if the driver closed its fds.
    os.kill(worker, 11)
    client.wait_for(prefix + "WORKER:RUN", 2)
    assert "SIGSEGV" in client.get(prefix + "WORKER:LAST_EXIT")
    assert "Fatal Python error: Segm" in client.get(prefix + "WORKER:LAST_ERROR")


@pytest.mark.timing
@pytest.mark.row(32)
def test_nobody_reads_the_daemons_own_log(client: Client, tmp_path: Path) -> None:
    """A paused terminal, a pipe whose reader hangs: the loop never waits for it."""
    prefix = f"W{os.getpid()}:"
    (tmp_path / "sswd.toml").write_text(CONFIG.replace('"@"', f'"{prefix}"'))
    process = subprocess.Popen(
        [sys.executable, "-m", "sswd", "run", str(tmp_path / "sswd.toml")],
        env={
            **os.environ,
            **loopback_env(ca_port()),
            "RUNTIME_DIRECTORY": str(tmp_path),
            "STATE_DIRECTORY": str(tmp_path),
            "PYTHONPATH": os.pathsep.join(
                filter(None, [str(MISBEHAVING), os.environ.get("PYTHONPATH", "")])
            ),
        },
        stderr=subprocess.PIPE,
    )
    try:
        client.wait_for(prefix + "WORKER:STATE", "RUNNING", timeout_s=20.0)
        with client.watching(prefix + "WORKER:RUN") as watch:
            for _ in range(5):
                for text in ("print 3000", "log 3000", "nonsense " + "x" * 9000):
                    client.put(prefix + "CMD", text)
        watch.assert_up()
        process.terminate()
        assert process.wait(10.0) == 0
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()
