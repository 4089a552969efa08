"""The workloads W1 to W8; each module says in its docstring what it measures."""

from collections.abc import Callable

from bench.trial import Trial
from bench.workloads import (
    commands,
    footprint,
    frames,
    gets,
    isolation,
    monitors,
    scaling,
    starts,
)

WORKLOADS: dict[str, Callable[[Trial], None]] = {
    "W1": commands.run,
    "W2": gets.run,
    "W3": monitors.run,
    "W4": frames.run,
    "W5": isolation.run,
    "W6": starts.run,
    "W7": footprint.run,
    "W8": scaling.run,
}

TITLES = {
    "W1": "Commands",
    "W2": "Gets",
    "W3": "Monitors",
    "W4": "Arrays",
    "W5": "Clients while the system blocks",
    "W6": "Starts",
    "W7": "CPU and memory",
    "W8": "As work grows",
}
