"""What the soak of operations does to a daemon, beside its clients: kills, asks, looks.

Threading model: all in the one loop of the soak's process.
"""

import asyncio
import json
import multiprocessing
import os
import re
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import aioca
import psutil
from measure import Clock, Held, held
from watcher import WAIT_S, Seen, watch

from sswd.testing import Daemon


class Clients:
    """The clients, each in a process, since libca has one circuit a process."""

    def __init__(self, prefix: str, number: int, systems: int, late_s: float) -> None:
        spawn = multiprocessing.get_context("spawn")  # libca is not made for forks
        self._pipes: list[Connection] = []
        for client in range(number):
            ours, theirs = spawn.Pipe()
            system = f"{prefix}S{client % systems}:"
            # An operator's screen of setpoints and states hears less than an archiver.
            watches = client < systems
            given = theirs, system, late_s, 10_000 * client, watches
            process = spawn.Process(target=watch, args=given, daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
        self._seen = Seen()
        self._ended: set[Connection] = set()

    def seen(self) -> Seen:
        """What all of them have seen so far. Raises EOFError when one has died."""
        for pipe in self._pipes:
            while pipe not in self._ended and pipe.poll():
                told = pipe.recv()
                if told is None:
                    self._ended.add(pipe)
                else:
                    self._seen = self._seen.plus(told)
        return self._seen

    async def hear(self) -> None:
        """Take what they tell: a pipe holds some 280 windows, then its client waits."""
        self.seen()

    async def ready(self) -> None:
        """Until each has told something, which with its start is then forgotten.

        Raises TimeoutError.
        """
        async with asyncio.timeout(4 * WAIT_S):
            while not all(pipe.poll() for pipe in self._pipes):
                await asyncio.sleep(0.1)
        self.seen()
        self._seen = Seen()

    async def close(self) -> None:
        """End them, and hear their last words. Raises TimeoutError."""
        for pipe in self._pipes:
            pipe.send("end")
        async with asyncio.timeout(2 * WAIT_S):
            while len(self._ended) < len(self._pipes):
                self.seen()
                await asyncio.sleep(0.1)


class Killer:
    """Kills worker after worker, and looks when it is seen and when it runs again."""

    def __init__(self, prefix: str, systems: int) -> None:
        self._prefixes = [f"{prefix}S{number}:" for number in range(systems)]
        self._last: dict[str, str] = {}
        self._changed = asyncio.Event()
        self._monitors: list[Any] = []
        self.kills = 0
        self.seen_s: list[float] = []
        """From each kill to a STATE that is not RUNNING, at a client."""
        self.healed_s: list[float] = []
        """From each kill to RUNNING."""
        self.drops = 0

    async def open(self) -> None:
        """Until all are RUNNING."""
        for prefix in self._prefixes:
            for pv in ("STATE", "PID"):
                monitor = aioca.camonitor(
                    f"{prefix}WORKER:{pv}",
                    lambda value, name=f"{prefix}{pv}": self._heard(name, value),
                    datatype=str,
                    all_updates=True,
                    notify_disconnect=True,
                )
                self._monitors.append(monitor)
        for prefix in self._prefixes:
            await self._wait(prefix, is_running=True)

    async def close(self) -> None:
        """Hang up."""
        for monitor in self._monitors:
            monitor.close()
        aioca.purge_channel_caches()
        await asyncio.sleep(0.5)  # libca's threads have their last say in this loop

    async def kill(self) -> None:
        """Kill the next one, and wait until it runs again; for WAIT_S at most."""
        prefix = self._prefixes[self.kills % len(self._prefixes)]
        took = Clock()
        with suppress(TimeoutError):
            await self._wait(prefix, is_running=True)
        pid = int(self._last[f"{prefix}PID"] or 0)
        if not pid:
            self.healed_s.append(took())  # it has not healed since it was killed last
            return
        took = Clock()
        os.kill(pid, signal.SIGKILL)
        self.kills += 1
        with suppress(TimeoutError):
            await self._wait(prefix, is_running=False)
        self.seen_s.append(took())
        with suppress(TimeoutError):
            await self._wait(prefix, is_running=True)
        self.healed_s.append(took())

    async def _wait(self, prefix: str, *, is_running: bool) -> None:
        async with asyncio.timeout(WAIT_S):
            while self._is_running(prefix) is not is_running:
                self._changed.clear()
                await self._changed.wait()

    def _is_running(self, prefix: str) -> bool:
        """A worker that is RUNNING has a process id."""
        state, pid = (self._last.get(prefix + pv, "") for pv in ("STATE", "PID"))
        return state == "RUNNING" and pid not in ("", "0")

    def _heard(self, name: str, value: Any) -> None:
        self.drops += not value.ok
        self._last[name] = str(value) if value.ok else ""
        self._changed.set()


class Statuses:
    """`sswd status`, as a program, every few seconds."""

    def __init__(self, daemon: Daemon) -> None:
        self._env = {**os.environ, "RUNTIME_DIRECTORY": str(daemon.folder / "run")}
        self._prefix = daemon.prefix
        self.asked = 0
        self.no_answers: list[str] = []
        """What the program said when the daemon gave it no status."""
        self.took_s: list[float] = []
        self.clients = 0
        """How many there were at most."""
        self.loop_lag_s = 0.0
        self.wrong: Counter[str] = Counter()
        """What was not well, without its numbers."""
        self.left_wrong: list[str] = []
        """What is still not well when nobody kills any more."""

    async def ask(self) -> None:
        """Ask once."""
        took = Clock()
        asking = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sswd", "status", "--json"),
            *("--prefix", f"{self._prefix}S0:"),
            env=self._env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out = err = b""
        try:
            out, err = await asyncio.wait_for(asking.communicate(), WAIT_S)
        except TimeoutError:
            asking.kill()
            await asking.wait()
        self.took_s.append(took())
        self.asked += 1
        if asking.returncode not in (0, 3) or not out:
            self.no_answers.append(f"{asking.returncode}: {err.decode().strip()}")
            return
        told = json.loads(out)
        self.clients = max(self.clients, told["ioc"]["clients"])
        self.loop_lag_s = max(self.loop_lag_s, told["ioc"]["loop_lag"])
        self.left_wrong = [each["words"] for each in told["wrong"]]
        self.wrong.update(re.sub(r"[\d.]+", "N", words) for words in self.left_wrong)

    async def ask_until_well(self) -> None:
        """Until all is well, for WAIT_S at most."""
        deadline_s = time.monotonic() + WAIT_S
        await self.ask()
        while self.left_wrong and time.monotonic() < deadline_s:
            await self.ask()


class Samples:
    """What IOC and guard hold, and how large their files are."""

    def __init__(self, daemon: Daemon, period_s: float) -> None:
        self.period_s = period_s
        ioc = psutil.Process(daemon.pid)
        guards = [c for c in ioc.children() if "guard.py" in " ".join(c.cmdline())]
        assert len(guards) == 1, [c.cmdline() for c in ioc.children()]
        self._processes = {"IOC": ioc, "guard": guards[0]}
        self._folder = daemon.folder
        self.held: dict[str, list[Held]] = {name: [] for name in self._processes}
        self.files: Counter[str] = Counter()
        """The most bytes, or the most files, of each kind that there ever were."""

    async def take(self) -> None:
        """Look once."""
        for name, process in self._processes.items():
            self.held[name].append(held(process))
        now: Counter[str] = Counter()
        for path in (self._folder / "state").iterdir():
            with suppress(FileNotFoundError):  # renamed while we look
                now.update(_kinds(path, path.stat().st_size))
        now["files in run"] = sum(1 for _ in (self._folder / "run").iterdir())
        for kind, most in now.items():
            self.files[kind] = max(self.files[kind], most)


def _kinds(path: Path, size: int) -> dict[str, int]:
    """What a file of the state directory counts as."""
    if path.name.startswith("daemon.log"):
        return {"bytes of log": size}
    if path.name.startswith("puts.jsonl"):
        return {"bytes of audit": size}
    if path.suffix == ".json":
        return {"post-mortems": 1}
    return {"files of state": 1, "bytes of state": size}
