"""W1: the way of a command: put with callback on CMD -> system -> ACK monitor.

One at a time; the next starts when both the monitor and the put's completion are seen.
With sswd the put completes when the command has ended, with the others at once.
"""

from bench.trial import Trial

WARM_UP = 50


def run(trial: Trial) -> None:
    """Notes ack (put to monitor), put (put to completion) and lost."""
    with trial.serve() as server:
        options = {"cmd": "T:CMD", "ack": "T:ACK", "secs": trial.pick(4.0, 2.0)}
        server.measure("command", **{**options, "n": WARM_UP, "first": 1_000_000})
        result = server.measure("command", **options, n=trial.pick(5000, 2000))
    trial.times("ack", result.series["ack"])
    trial.times("put", result.series["put"])
    trial.note("lost", result.fact("lost") + result.fact("failed"))
