"""Row 40: commands under random SIGKILLs, and the checker of what became of them.

What ran is known from the journal that the system itself wrote; what the client was
told, from its puts and from its monitors of CMD_ID and CMD_STATE. The checker knows
nothing of the IOC.
"""

import contextlib
import itertools
import os
import random
import signal
import threading
import time
from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from client import Client, Monitor
from daemon import until

from sswd.testing import Daemon

WINDOW = 8
"""Puts that wait at a time."""
WORK_MS = 6.0
PAUSE_S = 0.15
SHORT_MS, LONG_MS = 200, 2000
"""A command that still runs when the IOC is stopped, or the worker killed, for it."""
ENDED = {"DONE", "FAILED", "TIMEOUT", "ABORTED", "LOST", "REJECTED"}


@dataclass
class Outcome:
    """Everything that is known of one torture; commands are numbers from 1 on."""

    answers: dict[int, bool] = field(default_factory=dict)
    """Whether the put succeeded."""
    fates: dict[int, list[str]] = field(default_factory=dict)
    """The final states that CMD_STATE told."""
    journal: list[tuple[int, str, int]] = field(default_factory=list)
    """(pid, word, number), as the system wrote it; "idle" has the former number."""

    def numbers(self, *words: str) -> list[int]:
        """The commands with one of these words in the journal, in order."""
        return [number for _, word, number in self.journal if word in words]


def violations(outcome: Outcome) -> list[str]:
    """What breaks G2, G3 or G4; empty when they hold."""
    starts = outcome.numbers("start")
    found = [f"{n} ran {c} times" for n, c in Counter(starts).items() if c > 1]
    found += [
        f"{later} ran after {former}"
        for former, later in itertools.pairwise(starts)
        if later < former
    ]
    for number, is_ok in outcome.answers.items():
        fates = outcome.fates.get(number, [])
        if len(fates) != 1:
            found.append(f"{number} has the fates {fates}")
        elif is_ok != (fates[0] == "DONE"):
            found.append(f"{number} is {fates[0]}, and its put said ok={is_ok}")
        elif lie := _lie(outcome, number, fates[0]):
            found.append(f"{number} is {fates[0]}, but {lie}")
    return found


def _lie(outcome: Outcome, number: int, fate: str) -> str:
    """What the journal says against a fate; empty when they agree."""
    if fate == "DONE" and number not in outcome.numbers("end"):
        return "it did not reach its end"
    if fate == "FAILED" and number not in outcome.numbers("raise"):
        return "it did not raise"
    if fate == "REJECTED" and number in outcome.numbers("start"):
        return "it ran"
    if fate == "LOST" and number in outcome.numbers("idle"):
        return "its end was reported before the worker died"
    return ""


def read_journal(path: Path) -> list[tuple[int, str, int]]:
    """The journal's lines that are about commands."""
    lines, last = [], {0: 0}
    for line in path.read_text().splitlines():
        pid, word, *rest = line.split()
        if rest:
            last[int(pid)] = abs(int(rest[0]))
        if word in ("start", "end", "raise", "idle"):
            lines.append((int(pid), word, last[int(pid)]))
    return lines


class Torture:
    """One client that puts commands, while another hand kills the worker."""

    def __init__(self, daemon: Daemon, client: Client, journal: Path) -> None:
        self._daemon = daemon
        self._client = client
        self._journal = journal
        prefix = daemon.prefix
        self._ids = client.monitor(prefix + "CMD_ID")
        self._states = client.monitor(prefix + "CMD_STATE")
        self._worker = client.monitor(prefix + "WORKER:STATE")
        self._pid = client.monitor(prefix + "WORKER:PID")
        self._settled = 0
        self._room = threading.Semaphore(WINDOW)
        self.kills = 0

    def run(
        self, commands: int, kills: int, seed: int, *, waits_for_worker: bool
    ) -> Outcome:
        """Put all commands and kill the worker so often, at random."""
        dice = random.Random(seed)
        outcome = Outcome()
        targets = sorted(dice.sample(range(5, commands - 5), kills))
        killer = threading.Thread(target=self._kill_at, args=(targets, dice))
        killer.start()
        puts: list[Future[bool]] = []
        try:
            for number in range(1, commands + 1):
                assert self._room.acquire(timeout=30.0)
                if waits_for_worker:
                    until(lambda: self._worker.last.value == "RUNNING", "RUNNING")
                puts.append(self._put(number, dice))
            for number, put in enumerate(puts, 1):
                outcome.answers[number] = put.result(30.0)
        finally:
            killer.join(30.0)
        until(lambda: len(_fates(self._ids, self._states)) == commands, "all fates")
        outcome.fates = _fates(self._ids, self._states)
        outcome.journal = read_journal(self._journal)
        return outcome

    def _put(self, number: int, dice: random.Random) -> "Future[bool]":
        sign = "-" if dice.random() < 0.1 else ""  # one of ten raises
        text = f"{sign}{number} {dice.random() * WORK_MS:.1f}"
        put = self._client.start_put(self._daemon.prefix + "CMD", text)
        put.add_done_callback(self._ended)
        return put

    def _ended(self, _put: "Future[bool]") -> None:
        self._settled += 1
        self._room.release()

    def _kill_at(self, targets: list[int], dice: random.Random) -> None:
        for target in targets:
            until(lambda: self._settled >= target - 1, "progress", 30.0)  # noqa: B023
            until(lambda: self._worker.last.value == "RUNNING", "RUNNING", 30.0)
            time.sleep(dice.random() * 0.02)  # no waiting: it is the dice's choice
            self._kill(self._pid.last.value, is_ioc_busy=dice.random() < 0.5)

    def _kill(self, pid: int, *, is_ioc_busy: bool) -> None:
        """SIGKILL; half of them while the IOC does not get to run for PAUSE_S, so that
        what the worker has said by then is still in the pipe."""
        if is_ioc_busy:
            os.kill(self._daemon.pid, signal.SIGSTOP)
            time.sleep(PAUSE_S)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.kills += 1
        if is_ioc_busy:
            until(lambda: is_dead(pid), "the worker to be dead")
            os.kill(self._daemon.pid, signal.SIGCONT)
        until(lambda: self._pid.last.value != pid, "another worker", 30.0)


def killed_once(
    daemon: Daemon, client: Client, journal: Path, *, after_end: bool
) -> Outcome:
    """Two commands; the worker is killed while the first runs, or when it has reported
    the first one's end and the IOC, which does not get to run, has not read that."""
    prefix = daemon.prefix
    ids, states = (
        client.monitor(prefix + "CMD_ID"),
        client.monitor(prefix + "CMD_STATE"),
    )
    worker = client.get(prefix + "WORKER:PID")
    texts = (f"1 {SHORT_MS if after_end else LONG_MS}", "2 0")
    puts = [client.start_put(prefix + "CMD", text) for text in texts]
    until(lambda: "start 1" in journal.read_text(), "the first to start")
    if after_end:
        os.kill(daemon.pid, signal.SIGSTOP)
        until(lambda: "idle" in journal.read_text(), "its end to be reported")
    os.kill(worker, signal.SIGKILL)
    until(lambda: is_dead(worker), "the worker to be dead")
    if after_end:
        os.kill(daemon.pid, signal.SIGCONT)
    answers = {number: put.result(30.0) for number, put in enumerate(puts, 1)}
    until(lambda: len(_fates(ids, states)) == len(puts), "all fates")
    return Outcome(answers, _fates(ids, states), read_journal(journal))


def is_dead(pid: int) -> bool:
    """Gone, or a zombie that its parent did not look at yet.

    With all its threads: the first may be a zombie while others are still on their way,
    and so long nobody is told of the end.
    """
    try:
        process = psutil.Process(pid)
        is_zombie = process.status() == psutil.STATUS_ZOMBIE
        return is_zombie and len(os.listdir(f"/proc/{pid}/task")) == 1
    except (psutil.NoSuchProcess, FileNotFoundError):
        return True


def _fates(ids: Monitor, states: Monitor) -> dict[int, list[str]]:
    """Final states by command: CMD_ID and CMD_STATE are written together, ID first.

    They are sent PV by PV, so that the stamps tell which belong together.
    """
    events = [(seen.stamp_s, "", seen.value) for seen in ids.seen]
    events += [(seen.stamp_s, seen.value, 0) for seen in states.seen]
    fates: dict[int, list[str]] = {}
    number = 0
    for _, state, new_id in sorted(events):
        if not state:
            number = new_id
        elif state in ENDED:
            fates.setdefault(number, []).append(state)
    return fates
