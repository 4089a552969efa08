"""The run of a system that takes commands and whose posts count.

It is made before the parts that ask for it: the dispatcher sends commands through it,
the worker's events note here how a run ended, the supervisor begins and forgets runs.

Threading model: the loop's own.
"""

from collections.abc import Callable

from sswd.ioc.process.output_log import Heard
from sswd.ioc.process.queues import CommandQueue
from sswd.ioc.process.run import Run
from sswd.pipe.protocol import Cancel, Execute, Message, Rung


class ActiveRun:
    """At most one run of a system at a time; `run` is None between two."""

    def __init__(self, commands: CommandQueue, on_kill: Callable[[], None]) -> None:
        """`on_kill` is called after each SIGKILL: somebody must see if it works."""
        self._commands = commands
        self._on_kill = on_kill
        self._run: Run | None = None
        self._last_words = "the worker has not been started"
        self._ran_s = 0.0

    @property
    def run(self) -> Run | None:
        """The active run; None: there is none."""
        return self._run

    @property
    def last_words(self) -> str:
        """How the last run ended, or why none could be started."""
        return self._last_words

    @property
    def ran_s(self) -> float:
        """For how long the last run had been RUNNING when it ended."""
        return self._ran_s

    # -- one run after the other

    def begin(self, run: Run, number: int) -> None:
        """Make this the active run."""
        self._run = run
        run.begin(number, self._commands)

    def note_end(self, words: str, ran_s: float) -> None:
        """The run has ended so, or could not be started."""
        self._last_words, self._ran_s = words, ran_s

    def forget(self) -> None:
        """There is no active run any more; drop commands that it did not take."""
        self._run = None
        self._commands.clear()

    # -- what the active run is told; nothing happens without one

    def send(self, command_id: int, pv: str, value: object) -> None:
        """Send a command; `value` as `encoded` gives it. Only while there is a run."""
        assert self._run is not None
        self._run.execute(Execute(command_id, pv, value))

    def tell(self, message: Message) -> None:
        """Send an order."""
        if self._run is not None:
            self._run.order(message)

    def escalate(self, command_id: int, rung: Rung) -> None:
        """Use this means to end a command."""
        if self._run is None:
            return
        if rung in (Rung.FLAG, Rung.EXCEPTION):
            self._run.order(Cancel(command_id, rung))
        elif rung is Rung.TERM:
            self._run.process.terminate()
        else:
            self.kill("its command could not be ended otherwise")

    def end_start(self) -> None:
        """End a constructor or setup under way, which is command 0 for the worker."""
        if self._run is not None and self._run.ready_s is None:
            self._run.order(Cancel(0, Rung.EXCEPTION))

    def stop(self) -> None:
        """Ask it to close the system and exit."""
        if self._run is not None:
            self._run.stop()

    def kill(self, reason: str) -> None:
        """SIGKILL it, for a reason that the words for its death give."""
        if self._run is not None:
            self._run.kill(reason)
        self._on_kill()

    def dump_stacks(self, heard: Heard | None = None) -> bool:
        """Have it write the stacks of its threads into the log, and tell `heard`;
        whether there is a run that could be asked."""
        return self._run is not None and self._run.dump_stacks(heard)
