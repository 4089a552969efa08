"""One repeat of one workload on one server, and what it found."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from bench.client import Seconds
from bench.host import Cores
from bench.running import RunningServer
from bench.servers import Kind, Shape

PER_DECADE = 20
LOWEST_S = 1e-6

T = TypeVar("T")


@dataclass
class Trial:
    """Given to a workload, which notes its metrics here."""

    workload: str
    kind: Kind
    cores: Cores
    repeat: int
    is_short: bool
    folder: Path
    metrics: dict[str, float] = field(default_factory=dict)
    histograms: dict[str, dict[int, int]] = field(default_factory=dict)
    error: str | None = None

    def pick(self, full: T, short: T) -> T:
        """The value for a full run, or for a short one."""
        return short if self.is_short else full

    def serve(self, shape: Shape | None = None) -> RunningServer:
        """A server of this trial's kind; use it in a `with`."""
        return RunningServer(self.kind, shape or Shape(), self.cores, self.folder)

    def note(self, metric: str, value: float) -> None:
        """Keep one number."""
        self.metrics[metric] = float(value)

    def times(self, metric: str, seconds: Seconds) -> None:
        """Keep p50, p99 and max in us, the count, and the histogram of many times."""
        self.note(f"{metric}.n", len(seconds))
        if not len(seconds):
            return
        for name, value in (
            ("p50_us", np.quantile(seconds, 0.5)),
            ("p99_us", np.quantile(seconds, 0.99)),
            ("max_us", seconds.max()),
        ):
            self.note(f"{metric}.{name}", 1e6 * float(value))
        self.histograms[metric] = histogram_of(seconds)


def histogram_of(seconds: Seconds) -> dict[int, int]:
    """Counts by logarithmic bin: bin k starts at LOWEST_S * 10**(k / PER_DECADE)."""
    bins = np.floor(PER_DECADE * np.log10(np.maximum(seconds, LOWEST_S) / LOWEST_S))
    found, counts = np.unique(bins.astype(int), return_counts=True)
    return {int(k): int(n) for k, n in zip(found, counts, strict=True)}


def bin_start_us(k: float) -> float:
    """The lower end of a histogram's bin in us."""
    return float(1e6 * LOWEST_S * 10 ** (k / PER_DECADE))
