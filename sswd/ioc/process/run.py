"""One lifetime of a worker process as the IOC holds it."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from sswd.ioc import ca
from sswd.ioc.process.bridge import Bridge, Gone
from sswd.ioc.process.guardian import Guardian
from sswd.ioc.process.output_log import Heard
from sswd.ioc.process.queues import EventfdQueue
from sswd.ioc.process.slots import share, tell_missing
from sswd.pipe.framing import FrameLimits
from sswd.pipe.launch import Launch, WorkerProcess, launch
from sswd.pipe.protocol import (
    Begin,
    Execute,
    Failed,
    Free,
    Loaded,
    Message,
    Restore,
    Stop,
    Up,
)
from sswd.pipe.worker_spec import WorkerSpec

HELD_S = 1.0
"""A worker that has written no line so long after it was asked for its stacks does not
run Python code: its main thread is in C code, whose frames do not move."""
APART_S = 0.05
"""Between two signals: of those that wait together the thread that the second one wakes
may take both, and that is not the main thread."""


class Run:
    """A worker process with its bridge. `number` is 0 while it is a standby.

    Threading model: the loop's own; the bridge is the thread.
    """

    def __init__(
        self,
        spec: WorkerSpec,
        posts: "PostQueue",
        guardian: Guardian,
        launch: Launch = launch,
        limits: FrameLimits | None = None,
    ) -> None:
        """Start the process. Raises OSError when the host has no room for it.

        `posts` takes what the bridge's thread reads. What the loop reads is had by
        `receive`, when the reader that `watch` names is called. `limits` are those of
        what it may send.
        """
        self._limits = limits
        self.number = 0
        self.name = spec.name
        self.born_s = time.monotonic()
        self.ready_s: float | None = None
        self.loaded: Loaded | None = None
        self.failed: Failed | None = None
        self.peak_mb: float | None = None
        self.was_asked = False
        """Whether it was told to stop: exit code 0 is an orderly end then."""
        self.killed_for = ""
        """Why the IOC killed it; empty: it did not."""
        self.conflated = 0
        """How many of its posts it has replaced by newer ones, as it told last."""
        self.is_undead = False
        """Whether it was told that SIGKILL does not end it."""
        self._guardian = guardian
        self._posts = posts
        self._commands: EventfdQueue[Execute | Restore] | None = None
        self._may_begin = False
        self._has_slots: bool | None = None
        self._loop = asyncio.get_running_loop()
        self._answer = Heard(0)
        """What it writes after it was asked for its stacks."""
        self._asking: asyncio.TimerHandle | None = None
        self._memory = share(spec.slots, spec.name)
        try:
            self.process = self._launch(spec, launch)
        except OSError:
            self._forget_memory()
            raise
        self.pid: int = self.process.pid
        guardian.watch(self.pid, self.process.mark)
        try:
            self.bridge = self._make_bridge()
        except OSError as ex:  # no descriptor, no thread
            self._give_up()
            raise OSError(f"no bridge to the worker: {ex}") from ex

    def _make_bridge(self) -> Bridge:
        from_slot = None if self._memory is None else self._memory.view
        bridge = Bridge(
            self.process,
            self.name,
            self._deliver,
            from_slot,
            self._allocate,
            self._limits,
        )
        if self._memory is not None:
            self._memory.on_free = lambda slot: bridge.order(Free([slot]))
        bridge.start()
        return bridge

    def _deliver(self, messages: list[Up | Gone]) -> None:
        """On the bridge's thread: stamp what it read with this run."""
        self._posts.push_all((self, message) for message in messages)

    def _allocate(self) -> None:
        """On the bridge's thread: have the shared memory, or do without."""
        has_slots = self._memory is not None
        if self._memory is not None:
            try:
                self._memory.allocate()
            except OSError as ex:
                tell_missing(self._memory.slots, self.name, ex)
                has_slots = False
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            self._loop.call_soon_threadsafe(self._allocated, has_slots)

    def _allocated(self, has_slots: bool) -> None:
        self._has_slots = has_slots
        self.let_begin(self._may_begin)

    def let_begin(self, may_begin: bool = True) -> None:
        """Have the system constructed, as soon as the memory is there."""
        self._may_begin = may_begin
        if may_begin and self._has_slots is not None:
            self.order(Begin(self._has_slots))

    def make_room(self) -> None:
        """A large array was published: free slots that clients' queues hold."""
        if self._memory is not None and self._memory.is_short:
            ca.flusher().keep_copies()

    def watch(self, reader: Callable[[], None]) -> None:
        """Have `reader` called when the worker has sent something."""
        ca.watch(self._loop, self.process.up, reader)

    def unwatch(self) -> None:
        """No reader any more."""
        self._loop.remove_reader(self.process.up)

    def receive(self) -> list[Up]:
        """Read once what the worker has sent, without blocking."""
        messages = self.bridge.receive()
        if self.bridge.is_up_closed:
            self.unwatch()
        return messages

    def _give_up(self) -> None:
        """A process without a bridge is ended at once."""
        self.process.kill()
        self.process.end_company()
        self.process.process.join()
        self._return_all()

    def _launch(self, spec: WorkerSpec, launch: Launch) -> WorkerProcess:
        if self._memory is None:
            return launch(replace(spec, slots={}))
        return launch(spec, memory=self._memory.fd)

    def _forget_memory(self) -> None:
        if self._memory is not None:
            ca.flusher().keep_copies()  # else who never reads would hold all of it
            self._memory.close()
            self._memory = None

    def begin(self, number: int, commands: EventfdQueue[Execute | Restore]) -> None:
        """Make this the active run: its commands come from this queue."""
        self.number = number
        self.born_s = time.monotonic()
        self._commands = commands
        self.bridge.attach(commands)

    @property
    def who(self) -> str:
        """ "worker 'stage' (run 3)"."""
        number = f"run {self.number}" if self.number else "not begun"
        return f"worker '{self.name}' ({number})"

    def order(self, message: Message) -> None:
        """Send Begin, Grant or Cancel."""
        self.bridge.order(message)

    def execute(self, command: Execute) -> None:
        """Send a command, by the queue that `begin` named."""
        assert self._commands is not None
        self._commands.append_quietly(command)
        self.bridge.carry()

    def stop(self) -> None:
        """Ask it to close the system and exit."""
        self.was_asked = True
        self.order(Stop())

    def kill(self, reason: str) -> None:
        """SIGKILL; the words for its death give the reason."""
        self.killed_for = self.killed_for or reason
        self.peak_mb = self.process.peak_memory_mb()
        self.process.kill()

    def dump_stacks(self, heard: Heard | None = None, *, at_once: bool = False) -> bool:
        """Have it write the stacks of its threads to stderr, and so into our log, and
        tell `heard`; whether it was asked.

        `at_once`: also that of the main thread, from C, as it is about to be killed.
        Otherwise only where Python code has not run for HELD_S: see sswd/stacks.py.
        Not before its first message: until it handles the signal it would die of it.
        """
        if self.bridge.last_message_s is None:
            return False
        if heard is not None:
            self.bridge.hear(heard)
        if at_once:
            self.process.dump_stacks(at_once=True)
            self._loop.call_later(APART_S, self._ask)
        else:
            self._wait_for_stacks()
            self._ask()
        return True

    def _ask(self) -> None:
        if not self.bridge.has_exited:
            self.process.dump_stacks()

    def _wait_for_stacks(self) -> None:
        """For those that were asked for last: signals may come in a flood."""
        if self._asking is not None:
            self._asking.cancel()
        self._answer.end()
        self._answer = Heard(0)
        self.bridge.hear(self._answer)
        self._asking = self._loop.call_later(HELD_S, self._ask_again)

    def _ask_again(self) -> None:
        self._asking = None
        self._answer.end()
        if not self._answer.has_lines and not self.bridge.has_exited:
            self.process.dump_stacks(at_once=True)

    def ran_s(self, now_s: float) -> float:
        """For how long it has been RUNNING; 0 when it never was."""
        return 0.0 if self.ready_s is None else now_s - self.ready_s

    def release(self) -> int | None:
        """After Gone: give everything back and return the exit code."""
        self.bridge.join(timeout=1.0)
        code = self.process.exit_code()
        self._return_all()
        return code

    def _return_all(self) -> None:
        self.unwatch()
        self.process.close()
        self._guardian.forget(self.pid, self.process.mark)
        self._forget_memory()


PostQueue = EventfdQueue[tuple[Run, Up | Gone] | Mapping[str, object]]
"""`io_put_queue`: what bridges' threads deliver, and {pv: value} put in by hand."""
