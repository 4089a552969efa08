"""W3: monitors: 1 kHz with an idle and with a computing system, and unpaced posts.

The value is the time of its post, so a monitor tells how old it is, one way.
"""

from bench.running import RunningServer
from bench.trial import Trial

HZ = 1000
UNPACED = 20_000
PATIENCE_S = 20.0


def run(trial: Trial) -> None:
    """Notes paced and computing (times), what was delivered, and unpaced rates."""
    with trial.serve() as server:
        _stamped(trial, server, "paced", "RATE")
        _stamped(trial, server, "computing", "CALC")
        result = server.stream(f"SCAL {UNPACED}", "T:val0", secs=PATIENCE_S)
    trial.note("unpaced.delivered", result.fact("events"))
    trial.note("unpaced.rate", result.fact("rate"))
    trial.note("unpaced.last_seen", result.fact("done"))


def _stamped(trial: Trial, server: RunningServer, metric: str, word: str) -> None:
    secs = trial.pick(3.0, 1.0)
    result = server.stream(
        f"{word} {HZ} {secs}", "T:val0", stamped=1, secs=secs + PATIENCE_S
    )
    trial.times(metric, result.series["lat"])
    trial.note(f"{metric}.delivered_%", 100 * result.fact("events") / (HZ * secs))
