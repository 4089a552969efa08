"""Results -> plots: histograms of latency, and cost as work grows."""

from pathlib import Path
from typing import Any

from bench.host import BenchError
from bench.results import Results
from bench.trial import bin_start_us
from bench.workloads.scaling import CLIENTS, PVS, SYSTEMS

LATENCIES = {
    ("W1", "ack"): "Command to ACK monitor",
    ("W2", "one"): "caget",
    ("W3", "paced"): "Monitor at 1 kHz, one way",
    ("W3", "computing"): "The same while the system computes",
}
GROWTH = (
    ("pvs", PVS, "PVs at 10 Hz, all monitored"),
    ("clients", CLIENTS, "clients with 50 gets/s each"),
    ("systems", SYSTEMS, "systems, one worker each"),
)
COSTS = {"p50_us": "p50, µs", "cpu_%": "CPU, %", "memory_mb": "memory, MiB"}


def draw(results: Results, cores: str, folder: Path) -> list[Path]:
    """Write the plots that the results allow. Raises BenchError without matplotlib."""
    try:
        import matplotlib as mpl
    except ImportError:
        raise BenchError("plots need matplotlib (group bench)") from None
    mpl.use("Agg")
    made = [_histograms(results, cores, folder), _growth(results, cores, folder)]
    return [path for path in made if path is not None]


def _histograms(results: Results, cores: str, folder: Path) -> Path | None:
    from matplotlib import pyplot as plt

    shown = {
        key: title
        for key, title in LATENCIES.items()
        if any(_bins(results, cores, s, key) for s in results.servers())
    }
    if not shown:
        return None
    figure, axes = plt.subplots(
        len(shown), squeeze=False, figsize=(8, 2.6 * len(shown)), layout="constrained"
    )
    for axis, (key, title) in zip(axes[:, 0], shown.items(), strict=True):
        for server in results.servers():
            _histogram(axis, _bins(results, cores, server, key), server)
        axis.set(title=title, xscale="log", xlabel="µs", ylabel="share")
        axis.legend()
    return _save(figure, folder / f"latency-{cores}.png")


def _bins(
    results: Results, cores: str, server: str, key: tuple[str, str]
) -> dict[int, int]:
    workload, metric = key
    return results.histograms.get((cores, workload, server), {}).get(metric, {})


def _histogram(axis: Any, bins: dict[int, int], server: str) -> None:
    if not bins:
        return
    ks = range(min(bins), max(bins) + 2)
    total = sum(bins.values())
    starts = [bin_start_us(k) for k in ks]
    axis.step(starts, [bins.get(k, 0) / total for k in ks], where="post", label=server)


def _growth(results: Results, cores: str, folder: Path) -> Path | None:
    from matplotlib import pyplot as plt

    if not any(results.of(cores, "W8", s) for s in results.servers()):
        return None
    figure, axes = plt.subplots(
        len(COSTS), len(GROWTH), figsize=(12, 9), layout="constrained"
    )
    for row, (cost, unit) in zip(axes, COSTS.items(), strict=True):
        for axis, (kind, counts, title) in zip(row, GROWTH, strict=True):
            for server in results.servers():
                found = results.of(cores, "W8", server)
                points = [
                    (n, found[f"{kind}_{n}.{cost}"])
                    for n in counts
                    if f"{kind}_{n}.{cost}" in found
                ]
                if points:
                    axis.plot(*zip(*points, strict=True), "o-", label=server)
            axis.set(xscale="log", xlabel=title, ylabel=unit)
            axis.set_ylim(bottom=0)
            if axis.lines:
                axis.legend()
    return _save(figure, folder / f"growth-{cores}.png")


def _save(figure: Any, path: Path) -> Path:
    from matplotlib import pyplot as plt

    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path
