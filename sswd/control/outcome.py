"""What has become of a restart, start, stop or reload, seen in two statuses. Pure."""

from typing import Literal, NamedTuple, TypeAlias

from sswd.control.status import Failure, SystemStatus

Verb: TypeAlias = Literal["restart", "start", "stop", "abort", "reload"]

_TAKES_COMMANDS = ("RUNNING", "YOUNG")
_GIVEN_UP = ("BACKOFF", "FATAL")
_RESTART_ENDS_RUN = ("RUNNING", "LINGERING")
"""In the other phases a restart is under way already, and a further one means that.
A reload ends the run in all of them."""


class Outcome(NamedTuple):
    """How it ended, in words."""

    is_good: bool
    words: str


def outcome(verb: Verb, before: SystemStatus, now: SystemStatus) -> Outcome | None:
    """How it ended; None: it has not yet. `before` is from before the request."""
    if verb == "stop":
        if now.state == "STOPPED":
            return Outcome(True, "STOPPED")
        return None
    if verb == "abort":
        return _of_abort(before, now)
    if verb == "reload" and before.state == "STOPPED":
        return Outcome(True, "STOPPED, and stays so")
    if now.state == "STOPPED":
        return Outcome(False, "STOPPED: somebody stopped it meanwhile")
    if now.phase in _GIVEN_UP and (now.run > before.run or now.state == "FATAL"):
        return Outcome(False, f"{now.state}: {cause_of(now)}")
    if now.phase not in _TAKES_COMMANDS:
        return None
    is_anew = verb == "reload" or (
        verb == "restart" and before.phase in _RESTART_ENDS_RUN
    )
    if is_anew and now.run == before.run:
        words = _last_line(now.last_error) or "it refused to restart"
        return Outcome(False, f"RUNNING as before, run {now.run}: {words}")
    return Outcome(True, f"RUNNING, run {now.run}, pid {now.pid}")


def cause_of(system: SystemStatus) -> str:
    """Why the worker is not RUNNING."""
    return _last_line(system.last_exit) or _last_line(system.last_error) or "unknown"


def _of_abort(before: SystemStatus, now: SystemStatus) -> Outcome | None:
    if before.running is None:
        return Outcome(True, "no command ran")
    if now.running is not None and now.running.id == before.running.id:
        return None
    return Outcome(True, f"{before.running.words} has ended")


def _last_line(failure: Failure | None) -> str:
    words = "" if failure is None else failure.words.strip()
    return words.splitlines()[-1] if words else ""
