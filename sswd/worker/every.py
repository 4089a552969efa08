"""`@every`: what a method that runs between commands, or beside them, is marked with.

Pure.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class Every(NamedTuple):
    """When and how a marked method is called."""

    period_s: float
    pvs: tuple[str, ...] = ()
    """PVs that it is known to post, besides those that it was seen to post."""
    beside_commands: bool = False
    """Whether it has a thread of its own."""


def every(
    seconds: float,
    pvs: str | Sequence[str] | None = None,
    beside_commands: bool = False,
) -> Callable[[F], F]:
    """Mark a method `method(self)` to be called every `seconds` s between commands.

    It is for readbacks. It runs on the worker's main thread, so it never overlaps a
    command, and waits while one runs. What it returns is not used. It may be
    `async def`. An abort never ends it.

    When it raises, the PVs that it posts (`pvs`, and those that it posted in calls that
    succeeded) are INVALID/READ with the words of the exception until a call succeeds;
    the log tells both. A call that runs for more than 3 periods is told as late, and
    marks them too if no good call ever took a third as long.

    `beside_commands=True`: it has a thread of its own, so that a long command does not
    stop it. It must be safe then to call it while a command runs. Calls of one method
    never overlap. It cannot be `async def`.

    Raises ValueError if `seconds` is not above 0.
    """
    if not seconds > 0:
        raise ValueError(f"every({seconds}): the period must be above 0 s")
    names = (pvs,) if isinstance(pvs, str) else tuple(pvs or ())

    def mark(method: F) -> F:
        method._sswd_every = Every(float(seconds), names, beside_commands)  # type: ignore[attr-defined] # noqa: SLF001
        return method

    return mark


def every_of(method: object) -> Every | None:
    """What `method` is marked with; None: it is not."""
    marked = getattr(method, "_sswd_every", None)
    return marked if isinstance(marked, Every) else None
