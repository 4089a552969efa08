"""The life of a worker as a table: phase x event -> phase + actions. Pure data.

WorkerState is what clients see, in supervisord's words. A Phase is finer: it also says
what comes next (STOPPING to restart is not STOPPING to end), so that no flag hides a
state. The supervisor looks an event up in TABLE and performs its actions in order;
where it would need an `if`, this table is wrong.

Events are facts (an exit seen, a time passed) or an operator's words. Every pair is
decided: in TABLE, or in IGNORED with the reason why nothing is to be done.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum, auto
from typing import NamedTuple


class WorkerState(IntEnum):
    """Values of WORKER:STATE, in the order of its enum strings."""

    STOPPED = 0
    STARTING = 1
    RUNNING = 2
    STOPPING = 3
    BACKOFF = 4
    FATAL = 5


class Phase(Enum):
    """Where the worker is in its life, and where it goes from there."""

    STOPPED = (WorkerState.STOPPED, "no worker; only an operator starts one")
    STARTING = (WorkerState.STARTING, "a worker imports, constructs, sets up")
    RENEWING = (WorkerState.STARTING, "as STARTING; another RESTART means this one")
    LINGERING = (WorkerState.STARTING, "STARTING so long that RESTART begins anew")
    YOUNG = (WorkerState.RUNNING, "takes commands; the RESTART is not LATE_S ago")
    RUNNING = (WorkerState.RUNNING, "the worker takes commands")
    REFRESHING = (
        WorkerState.RUNNING,
        "the worker takes commands; fresh code is being imported",
    )
    STUCK = (WorkerState.STARTING, "killed as it started, and it does not die")
    UNDEAD = (WorkerState.RUNNING, "killed, and it does not die; nobody waits with it")
    RESTARTING = (WorkerState.STOPPING, "asked to close; another run follows")
    STOPPING = (WorkerState.STOPPING, "asked to close; STOPPED follows")
    CLOSING = (WorkerState.STOPPING, "asked to close; the IOC ends")
    PARKING = (WorkerState.BACKOFF, "dead; the park routine runs; back-off follows")
    REPARKING = (WorkerState.BACKOFF, "dead; the park routine runs; a run follows")
    LAST_PARKING = (
        WorkerState.STOPPING,
        "dead; the park routine runs; STOPPED follows",
    )
    CLOSING_PARKING = (WorkerState.STOPPING, "the park routine runs; the IOC ends")
    BACKOFF = (WorkerState.BACKOFF, "dead; waits before the next start")
    FATAL = (WorkerState.FATAL, "died too often; only an operator starts it again")
    CLOSED = (WorkerState.STOPPED, "the IOC ends; nothing starts any more")

    def __init__(self, state: WorkerState, meaning: str) -> None:
        self.state = state
        self.meaning = meaning


class Event(Enum):
    """What can happen to a worker."""

    START = "START, or the start of the IOC"
    START_UNPARKED = "the start of an IOC after one that was killed"
    STOP = "an operator put STOP"
    RESTART = "an operator put RESTART"
    RELOAD = "HUP: RESTART of every worker that is not to be STOPPED"
    RECYCLE = "a limit says: restart (memory when idle, a stall with on_stall)"
    SHUTDOWN = "the daemon ends (TERM, INT)"
    READY = "the worker says Ready"
    LATE = "LATE_S have passed since the start"
    OVERDUE = "the worker has been starting for longer than start_s"
    ENDED = "the worker has closed in order and is gone"
    DIED = "the worker died"
    PARKED = "the park routine has ended, well or not"
    DUE = "the back-off time has passed"
    SPENT = "the restart budget is spent"
    FRESH = "restarting; fresh code is ready, or left to the start"
    STALE = "the import of fresh code failed"
    STOP_OVERDUE = "STOP_S have passed since the worker was asked to stop"
    UNKILLABLE = "KILL_S have passed since SIGKILL and it is still there"


class Action(Enum):
    """What the supervisor performs; each is one method of it."""

    START_RUN = auto()
    """Launch a worker, or let the standby begin."""
    LOAD_FRESH = auto()
    """Import the code anew in a standby; FRESH or STALE follows."""
    PREPARE_STANDBY = auto()
    ABORT_FOR_RESTART = auto()
    """End the running command with this cause; likewise the next two."""
    ABORT_FOR_STOP = auto()
    ABORT_FOR_SHUTDOWN = auto()
    ASK_TO_STOP = auto()
    """Send Stop and set the time for STOP_OVERDUE."""
    KILL_LATE_STARTER = auto()
    """SIGKILL the group and set the time for UNKILLABLE; likewise the next."""
    KILL_LATE_CLOSER = auto()
    ACCEPT_COMMANDS = auto()
    """The ledger hands out commands; alarms of writable PVs clear."""
    ON_LOST = auto()
    """The ledger settles what ran, alarms go to COMM; the post-mortem is written."""
    FLUSH = auto()
    """The ledger rejects what waits: nobody is going to run it soon."""
    CLEAR_BUDGET = auto()
    WAIT = auto()
    """Ask the back-off policy: set the time for DUE, or SPENT follows."""
    PARK = auto()
    DROP_STANDBY = auto()
    TELL_STALE = auto()
    TELL_UNKILLABLE = auto()
    RECALL_UNDEAD = auto()
    """UNKILLABLE follows at once if that was told of this worker: its time has passed,
    and nothing else is to be waited for."""
    TELL_FATAL = auto()
    FINISH = auto()
    """The system is closed; the IOC may go."""


class Step(NamedTuple):
    """What one event does in one phase."""

    to: Phase
    actions: tuple[Action, ...] = ()


LATE_S = 1.0
"""A RESTART so soon after one, or so soon in a start, means that one."""
STOP_S = 6.5
"""Ladder 3 s, close 3 s, then KILL: the daemon's stop ends within 8 s."""
KILL_S = 0.7
"""How long a SIGKILL may take before the worker is told to be unkillable."""

P, E, A = Phase, Event, Action

_STOP = (A.DROP_STANDBY, A.FLUSH, A.ABORT_FOR_STOP, A.ASK_TO_STOP)
_RESTART = (A.ABORT_FOR_RESTART, A.ASK_TO_STOP)
_SHUTDOWN_AS_IT_STOPS = (A.DROP_STANDBY, A.RECALL_UNDEAD)
_SHUTDOWN = (
    A.DROP_STANDBY,
    A.ABORT_FOR_SHUTDOWN,
    A.ASK_TO_STOP,
    A.RECALL_UNDEAD,
)
_ANEW = (A.CLEAR_BUDGET, A.DROP_STANDBY)
_BEGIN_ANEW = (*_ANEW, A.START_RUN)
_GIVE_IN = (A.DROP_STANDBY, A.FLUSH)
_ALONE = (A.DROP_STANDBY, A.TELL_UNKILLABLE)
"""No process waits, or imports, beside a worker that cannot be killed."""


def _restart(step: Step) -> dict[Event, Step]:
    """The operator's word and HUP where they mean the same."""
    return {E.RESTART: step, E.RELOAD: step}


def _alive(unkillable: Phase) -> dict[Event, Step]:
    """What may happen to every worker that was not asked to stop."""
    return {
        E.STOP: Step(P.STOPPING, _STOP),
        E.SHUTDOWN: Step(P.CLOSING, _SHUTDOWN),
        E.UNKILLABLE: Step(unkillable, _ALONE),
        E.DIED: Step(P.PARKING, (A.ON_LOST, A.PARK)),
        # An orderly exit that nobody asked for (its run() returned) is a death.
        E.ENDED: Step(P.PARKING, (A.ON_LOST, A.PARK)),
    }


def _stopping(phase: Phase) -> dict[Event, Step]:
    """What the time does to a worker that was asked to stop."""
    return {
        E.STOP_OVERDUE: Step(phase, (A.KILL_LATE_CLOSER,)),
        E.UNKILLABLE: Step(phase, _ALONE),
    }


_READY = (A.ACCEPT_COMMANDS, A.PREPARE_STANDBY)
_REFRESH = (A.CLEAR_BUDGET, A.LOAD_FRESH)
_AFRESH = Step(P.RESTARTING, (A.CLEAR_BUDGET, A.DROP_STANDBY, *_RESTART))
# No fresh code is imported before: the start does it.

# What was launched before a RELOAD is not used: it has the configuration of then.
TABLE: dict[Phase, dict[Event, Step]] = {
    P.STOPPED: {
        E.START: Step(P.STARTING, _BEGIN_ANEW),
        E.START_UNPARKED: Step(P.REPARKING, (*_ANEW, A.PARK)),
        E.RESTART: Step(P.RENEWING, _BEGIN_ANEW),
        E.SHUTDOWN: Step(P.CLOSED, (A.DROP_STANDBY, A.FINISH)),
    },
    P.STARTING: {
        **_alive(P.STUCK),
        E.READY: Step(P.RUNNING, _READY),
        E.LATE: Step(P.LINGERING),
        E.OVERDUE: Step(P.STARTING, (A.KILL_LATE_STARTER,)),
        E.RELOAD: _AFRESH,
    },
    P.RENEWING: {
        **_alive(P.STUCK),
        E.READY: Step(P.YOUNG, _READY),
        E.LATE: Step(P.LINGERING),
        E.OVERDUE: Step(P.RENEWING, (A.KILL_LATE_STARTER,)),
        E.RELOAD: _AFRESH,
    },
    P.LINGERING: {
        **_alive(P.STUCK),
        E.READY: Step(P.RUNNING, _READY),
        E.OVERDUE: Step(P.LINGERING, (A.KILL_LATE_STARTER,)),
        **_restart(_AFRESH),
    },
    P.STUCK: {
        **_alive(P.STUCK),
        **_restart(_AFRESH),
    },
    P.YOUNG: {
        **_alive(P.UNDEAD),
        E.LATE: Step(P.RUNNING),
        E.RELOAD: Step(P.REFRESHING, _REFRESH),
        E.RECYCLE: Step(P.RESTARTING, _RESTART),
    },
    P.RUNNING: {
        **_alive(P.UNDEAD),
        **_restart(Step(P.REFRESHING, _REFRESH)),
        E.RECYCLE: Step(P.RESTARTING, _RESTART),
    },
    P.REFRESHING: {
        **_alive(P.RESTARTING),
        E.FRESH: Step(P.RESTARTING, _RESTART),
        E.STALE: Step(P.RUNNING, (A.TELL_STALE,)),
        E.RELOAD: Step(P.REFRESHING, _REFRESH),
        E.RECYCLE: Step(P.RESTARTING, _RESTART),
        # The import ends here; the start is left to do it.
        E.UNKILLABLE: Step(P.RESTARTING, (*_ALONE, *_RESTART)),
    },
    P.UNDEAD: {
        **_alive(P.UNDEAD),
        **_restart(_AFRESH),
        E.RECYCLE: Step(P.RESTARTING, _RESTART),
    },
    P.RESTARTING: {
        **_stopping(P.RESTARTING),
        E.ENDED: Step(P.RENEWING, (A.ON_LOST, A.START_RUN)),
        E.DIED: Step(P.REPARKING, (A.ON_LOST, A.PARK)),
        E.RELOAD: Step(P.RESTARTING, (A.DROP_STANDBY,)),
        E.STOP: Step(P.STOPPING, _GIVE_IN),
        E.SHUTDOWN: Step(P.CLOSING, _SHUTDOWN_AS_IT_STOPS),
    },
    P.STOPPING: {
        **_stopping(P.STOPPING),
        E.ENDED: Step(P.STOPPED, (A.ON_LOST, A.FLUSH)),
        E.DIED: Step(P.LAST_PARKING, (A.ON_LOST, A.FLUSH, A.PARK)),
        E.START: Step(P.RESTARTING, (A.CLEAR_BUDGET,)),
        E.RESTART: Step(P.RESTARTING, (A.CLEAR_BUDGET,)),
        E.SHUTDOWN: Step(P.CLOSING, _SHUTDOWN_AS_IT_STOPS),
    },
    P.CLOSING: {
        E.STOP_OVERDUE: Step(P.CLOSING, (A.KILL_LATE_CLOSER,)),
        E.ENDED: Step(P.CLOSED, (A.ON_LOST, A.FLUSH, A.FINISH)),
        E.DIED: Step(P.CLOSING_PARKING, (A.ON_LOST, A.FLUSH, A.PARK)),
        E.UNKILLABLE: Step(P.CLOSED, (A.FLUSH, *_ALONE, A.FINISH)),
    },
    P.PARKING: {
        E.PARKED: Step(P.BACKOFF, (A.WAIT,)),
        E.START: Step(P.REPARKING, _ANEW),
        **_restart(Step(P.REPARKING, _ANEW)),
        E.STOP: Step(P.LAST_PARKING, _GIVE_IN),
        E.SHUTDOWN: Step(P.CLOSING_PARKING, _GIVE_IN),
    },
    P.REPARKING: {
        E.PARKED: Step(P.RENEWING, (A.START_RUN,)),
        E.RELOAD: Step(P.REPARKING, (A.DROP_STANDBY,)),
        E.STOP: Step(P.LAST_PARKING, _GIVE_IN),
        E.SHUTDOWN: Step(P.CLOSING_PARKING, _GIVE_IN),
    },
    P.LAST_PARKING: {
        E.PARKED: Step(P.STOPPED),
        E.START: Step(P.REPARKING, _ANEW),
        E.RESTART: Step(P.REPARKING, _ANEW),
        E.SHUTDOWN: Step(P.CLOSING_PARKING, (A.DROP_STANDBY,)),
    },
    P.CLOSING_PARKING: {
        E.PARKED: Step(P.CLOSED, (A.FINISH,)),
        E.STOP_OVERDUE: Step(P.CLOSED, (A.FINISH,)),  # a second signal
    },
    P.BACKOFF: {
        E.DUE: Step(P.STARTING, (A.START_RUN,)),
        E.SPENT: Step(P.FATAL, (*_GIVE_IN, A.TELL_FATAL)),
        E.START: Step(P.STARTING, _BEGIN_ANEW),
        **_restart(Step(P.RENEWING, _BEGIN_ANEW)),
        E.STOP: Step(P.STOPPED, _GIVE_IN),
        E.SHUTDOWN: Step(P.CLOSING_PARKING, (*_GIVE_IN, A.PARK)),
    },
    P.FATAL: {
        E.START: Step(P.STARTING, _BEGIN_ANEW),
        **_restart(Step(P.RENEWING, _BEGIN_ANEW)),
        E.STOP: Step(P.STOPPED, _GIVE_IN),
        E.SHUTDOWN: Step(P.CLOSING_PARKING, (*_GIVE_IN, A.PARK)),
    },
    P.CLOSED: {},
}

_LATE_TIMES = {
    E.LATE: "a time that was set in an earlier phase",
    E.OVERDUE: "a time that was set in an earlier phase",
    E.DUE: "a time that was set in an earlier phase",
    E.STOP_OVERDUE: "a time that was set in an earlier phase",
    E.SPENT: "said in BACKOFF only",
    E.UNKILLABLE: "it is gone by now",
    E.PARKED: "the park routine's end is waited for in its own phases only",
    E.FRESH: "the standby stays for the next run",
    E.STALE: "told by the standby's own log; the next start imports again",
    E.READY: "the worker became ready after it was asked to stop, or killed",
    E.RECYCLE: "only a running worker is recycled",
    E.RELOAD: "the worker is stopped and stays so, or the IOC ends",
}
_ALREADY = {
    E.START: "it starts or runs already",
    E.START_UNPARKED: "said once, to begin with",
    E.RESTART: "coalesced: a restart is under way already",
    E.STOP: "it stops or is stopped already",
    E.SHUTDOWN: "the IOC ends already",
}
IGNORED: dict[Event, str] = {**_LATE_TIMES, **_ALREADY}
"""Event -> why nothing is done where TABLE does not name it. An exit is never here."""

IMPOSSIBLE = frozenset({E.ENDED, E.DIED})
"""Exits in phases that have no worker: told with the story, never fatal to the IOC."""


@dataclass(frozen=True)
class Decision:
    """What the table says: the step, or the words for doing nothing."""

    step: Step | None
    words: str = ""
    is_impossible: bool = False


def decide(phase: Phase, event: Event) -> Decision:
    """Look one pair up."""
    step = TABLE[phase].get(event)
    if step is not None:
        return Decision(step)
    if event in IMPOSSIBLE:
        return Decision(None, f"{event.name} in {phase.name}", is_impossible=True)
    return Decision(None, IGNORED[event])
