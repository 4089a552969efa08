"""How the last commands ended: who put them, how long they ran, their fates. Pure.

Bound: KEPT commands, each without its value: that may be an array of megabytes.
"""

from collections import Counter, deque
from typing import NamedTuple

from sswd.ioc.commands.command import Command, CommandState

KEPT = 200
SHOWN = 60
"""Characters of a command's value in words."""
ERROR_CHARACTERS = 1000


class Ended(NamedTuple):
    """A command, as it is remembered. Or one that has not ended, as it is now."""

    id: int
    pv: str
    value: str
    who: str
    at: float
    """When it came, in seconds since 1970."""
    waited_s: float
    ran_s: float
    state: CommandState
    error: str


class History:
    """The last commands of one system."""

    def __init__(self, kept: int = KEPT) -> None:
        self.entries: deque[Ended] = deque(maxlen=kept)
        """In the order of their ends."""
        self.counts: Counter[str] = Counter()
        """How many ended so, by the name of their last state."""
        self.last_failure: Ended | None = None
        """The last that did not succeed; None: there was none."""

    def ended(self, command: Command) -> None:
        """Remember one."""
        entry = entry_of(command, command.ended_s or command.came_s)
        self.entries.append(entry)
        self.counts[entry.state.name] += 1
        if command.state is not CommandState.DONE:
            self.last_failure = entry


def entry_of(command: Command, now_s: float) -> Ended:
    """What is remembered of a command, as it is at `now_s` (monotonic)."""
    begun_s = now_s if command.started_s is None else command.started_s
    return Ended(
        command.id,
        command.pv,
        value_words(command.value),
        command.who,
        command.at,
        max(0.0, begun_s - command.came_s),
        command.ran_s(now_s),
        command.state,
        command.error[:ERROR_CHARACTERS],
    )


def value_words(value: object) -> str:
    """A value as Python writes it, cut; a long one is not written whole before."""
    if isinstance(value, str | bytes | list | tuple):
        value = value[: SHOWN + 1]
    words = repr(value)
    return words if len(words) <= SHOWN else f"{words[: SHOWN - 3]}..."
