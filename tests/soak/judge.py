"""Whether the soak of operations went well. Pure.

Deadlines are those of docs/reference/guarantees.md, times a patience: five on hosts
that do other things, as in all tests.

What slope is noise: the line is fitted to the second half of the time, when the rings
that sswd keeps on purpose (2,000 log events, 200 commands of each system) are full.
Python's allocator takes memory in arenas of 1 MiB. One that comes in the middle of the
fitted hour of a run of two looks like 1.5 MB/h, so up to 2 MB/h are noise. It is
little: at this load 2 MB/h are 14 bytes for each put, 0.7 for each post and 6 kB for
each kill; the smallest object of Python has 16. In less than half an hour the rings
fill while it is fitted, so that 4 MB more are noise, over the fitted time.
Descriptors and threads have no noise but who starts just now: half of one is too much,
where there are samples enough for a median to leave that out; else three.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from measure import rise
from watcher import PUT_S

if TYPE_CHECKING:
    from operators import Killer, Samples, Statuses
    from watcher import Seen

NOISE_MB = 2.0
FILLING_MB = 4.0
FILLED_MINUTES = 30.0
NOISE_COUNT, NOISE_COUNT_OF_FEW, FEW = 0.5, 3.0, 200
ONE_LINE = 20_000
"""Bytes by which a file may be longer than max_bytes: one line, and it is one line."""


@dataclass(frozen=True)
class Limits:
    """What is allowed."""

    patience: float
    minutes: float
    systems: int

    @property
    def get_s(self) -> float:
        """G1: an answer, whatever happens."""
        return 0.05 * self.patience

    @property
    def seen_s(self) -> float:
        """G6: a death is told."""
        return 0.2 * self.patience

    @property
    def healed_s(self) -> float:
        """G6: RUNNING again, and 0.5 s for imports where no standby is ready."""
        return (0.5 + 0.5) * self.patience

    @property
    def silence_s(self) -> float:
        """G5, G6: a value that is posted all the time is never older than that."""
        return self.healed_s + 1.0

    @property
    def put_s(self) -> float:
        """G2: a put ends when its command has ended, and these take no time."""
        return 1.0 * self.patience

    @property
    def status_s(self) -> float:
        """`sswd status` gives up after 5 s; beyond that is the start of Python."""
        return 5.0 + self.patience

    @property
    def rise_mb(self) -> float:
        """Of the fitted part."""
        is_short = self.minutes < FILLED_MINUTES
        return NOISE_MB + FILLING_MB if is_short else NOISE_MB

    @property
    def files(self) -> dict[str, int]:
        """The most of each kind: max_bytes and keep as in the configuration."""
        return {
            "bytes of log": 3 * 100_000 + ONE_LINE,
            "bytes of audit": 3 * 100_000 + ONE_LINE,
            "post-mortems": 21 * self.systems,
            "files of state": 4 * self.systems,
            "bytes of state": 4 * self.systems * 2_000,
            "files in run": 2 * self.systems + 2,
        }


class Judge:
    """Takes what was seen, and says what was wrong."""

    def __init__(self, limits: Limits, clients: int) -> None:
        self._limits = limits
        self._wanted_clients = clients
        self.clients: Seen | None = None
        self._killer: Killer | None = None
        self._statuses: Statuses | None = None
        self._samples: Samples | None = None

    def take(self, killer: "Killer", statuses: "Statuses", samples: "Samples") -> None:
        """Look at these from now on."""
        self._killer, self._statuses, self._samples = killer, statuses, samples

    def __str__(self) -> str:
        """How it fares, on one line."""
        seen, killer, samples = self.clients, self._killer, self._samples
        assert seen and killer and self._statuses and samples
        asked_s = max(self._statuses.took_s, default=0)
        now = {name: each[-1] for name, each in samples.held.items() if each}
        held = "  ".join(
            f"{name} {h.rss_mb:.1f} MB {h.fds} fds {h.threads} threads"
            for name, h in now.items()
        )
        return (
            f"{held}  gets {seen.gets} ({seen.gets_late} late, slowest "
            f"{1e3 * seen.slowest_get_s:.0f} ms)  puts {seen.puts} ({seen.puts_failed} "
            f"failed, slowest {seen.slowest_put_s:.2f} s)  events {seen.events} "
            f"(silence {seen.longest_silence_s:.2f} s)  kills {killer.kills} (seen "
            f"{max(killer.seen_s, default=0):.3f} s, healed "
            f"{max(killer.healed_s, default=0):.2f} s)  status "
            f"{self._statuses.asked} (slowest {asked_s:.2f} s, loop late "
            f"{1e3 * self._statuses.loop_lag_s:.0f} ms)"
        )

    def _rises(self) -> dict[str, tuple[float, float]]:
        """What each rose by in the second half, and what it may."""
        assert self._samples
        found = {}
        for name, samples in self._samples.held.items():
            second = samples[len(samples) // 2 :]
            for kind in ("rss_mb", "fds", "threads"):
                few = len(second) < FEW
                allowed = NOISE_COUNT_OF_FEW if few else NOISE_COUNT
                if kind == "rss_mb":
                    allowed = self._limits.rise_mb
                values = [getattr(sample, kind) for sample in second]
                found[f"{name} {kind}"] = rise(values), allowed
        return found

    def slopes(self) -> list[str]:
        """All slopes in words, and the files."""
        assert self._samples and self._statuses
        hours = self._limits.minutes / 120
        lines = [
            f"slope {name}: {by / hours:+.3g} an hour ({by:+.3g} in "
            f"{60 * hours:.3g} min; up to {allowed:g} is noise)"
            for name, (by, allowed) in self._rises().items()
        ]
        lines += [f"at most {n} {kind}" for kind, n in self._samples.files.items()]
        told = self._statuses.wrong.most_common(12)
        return lines + [f"status told {n} times: {words}" for words, n in told]

    def wrong(self) -> list[str]:
        """What grew, was late or was lost; empty when all is well."""
        return [*self._grown(), *self._late(), *self._lost()]

    def _grown(self) -> list[str]:
        assert self._samples
        found = [
            f"grown: {name} by {by:.3g} in the second half"
            for name, (by, allowed) in self._rises().items()
            if by > allowed
        ]
        for kind, most in self._limits.files.items():
            if self._samples.files[kind] > most:
                found.append(f"grown: {self._samples.files[kind]} {kind}, of {most}")
        return found

    def _late(self) -> list[str]:
        seen, killer, limits = self.clients, self._killer, self._limits
        assert seen and killer and self._statuses
        times = {
            "a get": (seen.slowest_get_s, limits.get_s),
            "a put": (seen.slowest_put_s, limits.put_s),
            "the next value": (seen.longest_silence_s, limits.silence_s),
            "to see a death": (max(killer.seen_s, default=0.0), limits.seen_s),
            "RUNNING again": (max(killer.healed_s, default=0.0), limits.healed_s),
            "sswd status": (max(self._statuses.took_s), limits.status_s),
        }
        return [
            f"late: {what} took {took_s:.3g} s, of {most_s:.3g} s"
            for what, (took_s, most_s) in times.items()
            if took_s > most_s
        ]

    def _lost(self) -> list[str]:
        seen, killer, statuses = self.clients, self._killer, self._statuses
        assert seen and killer and statuses
        # While a worker is away, all puts of its clients may fail.
        clients = 1 + self._wanted_clients // self._limits.systems
        may_fail = sum(clients * (2 + s / PUT_S) for s in (*killer.healed_s, 1.0))
        checks = {
            f"{seen.gets_lost} gets had no answer": seen.gets_lost,
            f"{seen.puts_lost} puts had no end": seen.puts_lost,
            f"sswd status had no answer: {'; '.join(statuses.no_answers)}": (
                statuses.no_answers
            ),
            f"{seen.drops + killer.drops} monitors lost their circuit": (
                seen.drops + killer.drops
            ),
            f"{seen.puts_failed} puts failed, with {killer.kills} kills": (
                seen.puts_failed > may_fail
            ),
            f"only {statuses.clients} clients": statuses.clients < self._wanted_clients,
            "no client got anything": not (seen.gets and seen.events and seen.puts),
            "no worker was killed": not killer.kills,
            f"not well at the end: {'; '.join(statuses.left_wrong)}": (
                statuses.left_wrong
            ),
        }
        return [f"lost: {words}" for words, is_wrong in checks.items() if is_wrong]
