"""Trials -> medians, and to and from JSON."""

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from bench.host import BenchError
from bench.trial import Trial

PACKAGES = ("sswd", "caproto", "softioc", "pcaspy", "epicscorelibs", "numpy")

Key = tuple[str, str, str]
"""(cores, workload, server)"""


@dataclass
class Results:
    """Everything that one run of the benchmarks found."""

    about: dict[str, Any]
    medians: dict[Key, dict[str, float]] = field(default_factory=dict)
    histograms: dict[Key, dict[str, dict[int, int]]] = field(default_factory=dict)
    errors: dict[Key, str] = field(default_factory=dict)
    repeats: dict[Key, int] = field(default_factory=dict)

    def of(self, cores: str, workload: str, server: str) -> Mapping[str, float]:
        """The medians by metric; empty when there are none."""
        return self.medians.get((cores, workload, server), {})

    def add(self, other: "Results") -> None:
        """Add another run's. Raises BenchError where both measured the same."""
        both = sorted(self.medians.keys() & other.medians.keys())
        if both:
            raise BenchError(f"both runs measured {' '.join(both[0])}")
        self.medians |= other.medians
        self.histograms |= other.histograms
        self.errors |= other.errors
        self.repeats |= other.repeats

    def servers(self) -> list[str]:
        """The servers that gave results, in the order asked for."""
        known = {server for _, _, server in self.medians}
        return [s for s in self.about["servers"] if s in known]


def about(servers: Iterable[str], *, is_short: bool) -> dict[str, Any]:
    """Where, when and with what this run is made."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "short": is_short,
        "servers": list(servers),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "versions": versions,
        "commit": _commit(),
    }


def _commit() -> str:
    """The commit that is measured; empty outside a checkout."""
    command = [
        "git",
        "-C",
        str(Path(__file__).parent),
        "describe",
        "--always",
        "--dirty",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def summarise(trials: Iterable[Trial], about: dict[str, Any]) -> Results:
    """Medians over the repeats; histograms added up."""
    results = Results(about)
    grouped: dict[Key, list[Trial]] = {}
    for trial in trials:
        key = (trial.cores.name, trial.workload, trial.kind.name)
        grouped.setdefault(key, []).append(trial)
    for key, group in grouped.items():
        _summarise_one(results, key, group)
    return results


def _summarise_one(results: Results, key: Key, group: list[Trial]) -> None:
    values: dict[str, list[float]] = {}
    histograms: dict[str, dict[int, int]] = {}
    for trial in group:
        for metric, value in trial.metrics.items():
            values.setdefault(metric, []).append(value)
        for metric, bins in trial.histograms.items():
            total = histograms.setdefault(metric, {})
            for k, n in bins.items():
                total[k] = total.get(k, 0) + n
        if trial.error is not None:
            results.errors[key] = trial.error
    results.medians[key] = {m: statistics.median(v) for m, v in values.items()}
    results.histograms[key] = histograms
    results.repeats[key] = len(group)


def save(results: Results, trials: Iterable[Trial], path: Path) -> None:
    """Write JSON: about, medians, histograms, errors, and every single repeat."""
    tables: dict[str, Any] = {}
    for (cores, workload, server), medians in results.medians.items():
        key = (cores, workload, server)
        tables.setdefault(cores, {}).setdefault(workload, {})[server] = {
            "repeats": results.repeats[key],
            "medians": medians,
            "histograms": results.histograms[key],
            "error": results.errors.get(key),
        }
    repeats = [
        {
            "cores": trial.cores.name,
            "workload": trial.workload,
            "server": trial.kind.name,
            "repeat": trial.repeat,
            "metrics": trial.metrics,
            "error": trial.error,
        }
        for trial in trials
    ]
    document = {"about": results.about, "results": tables, "repeats": repeats}
    path.write_text(json.dumps(document, indent=1) + "\n")


def load(path: Path) -> Results:
    """Results as `save` wrote them, without the single repeats."""
    document = json.loads(path.read_text())
    results = Results(document["about"])
    for cores, workloads in document["results"].items():
        for workload, servers in workloads.items():
            for server, found in servers.items():
                key = (cores, workload, server)
                results.medians[key] = found["medians"]
                results.repeats[key] = found["repeats"]
                results.histograms[key] = {
                    metric: {int(k): n for k, n in bins.items()}
                    for metric, bins in found["histograms"].items()
                }
                if found["error"]:
                    results.errors[key] = found["error"]
    return results
