"""W4: arrays: float64[10000], 4 MiB and 16 MiB images, as fast as they go, and 200 Hz.

A server that conflates delivers few frames: read its rate with its count.
"""

from bench.running import RunningServer
from bench.servers import Shape
from bench.trial import Trial

HZ = 200
PATIENCE_S = 25.0


def run(trial: Trial) -> None:
    """Notes rate, delivered (frames) for each kind of array, and the paced loss."""
    with trial.serve(Shape(images=True)) as server:
        _frames(trial, server, "floats", "ARR", trial.pick(4000, 2000))
        _frames(trial, server, "image4", "U8A", trial.pick(300, 100))
        _frames(trial, server, "image16", "U8B", trial.pick(60, 25))
        n = HZ * trial.pick(3, 1)
        result = server.stream(f"ARR {n} {HZ}", "T:values", secs=PATIENCE_S)
    trial.note("paced.lost", n - result.fact("events"))


def _frames(
    trial: Trial, server: RunningServer, metric: str, word: str, n: int
) -> None:
    pv = {"ARR": "T:values", "U8A": "T:img4", "U8B": "T:img16"}[word]
    form = "double" if word == "ARR" else "char"
    result = server.stream(f"{word} {n}", pv, **{"as": form}, secs=PATIENCE_S)
    trial.note(f"{metric}.rate", result.fact("rate"))
    trial.note(f"{metric}.delivered_%", 100 * result.fact("events") / n)
