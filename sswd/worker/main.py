"""Entry of the worker process: signals, handshake, the main loop, exit codes.

Exit codes: 0 after an orderly Stop; EX_SOFTWARE (70) when the system could not be
loaded, constructed or set up; EX_UNAVAILABLE (69) when the IOC is gone.
"""

import ctypes
import os
import signal
from typing import NoReturn

from multiprocess.connection import Connection

from sswd.errors import SswdError
from sswd.pipe.codec import MessageDecoder
from sswd.pipe.framing import FrameReader, FrameWriter
from sswd.pipe.limits import array_bytes
from sswd.pipe.protocol import Down, Failed, Ready
from sswd.pipe.worker_spec import WorkerSpec
from sswd.worker.adapter import Adapter
from sswd.worker.beside import BesideCommands
from sswd.worker.control import EX_SOFTWARE, Control
from sswd.worker.coroutines import Coroutines
from sswd.worker.declaration import check, in_order_of, loaded_of, restored_of
from sswd.worker.declaration_size import check_size
from sswd.worker.exception_text import trace_of
from sswd.worker.forks import end_child, exit_code_of, is_child, watch_forks, write_line
from sswd.worker.inbox import Inbox, Stopped
from sswd.worker.input_method import InputMethod
from sswd.worker.inputs import Inputs
from sswd.worker.leaving import flush_at_exit, leave
from sswd.worker.link_keeper import LinkKeeper, keeper_of
from sswd.worker.loader import load_system
from sswd.worker.main_thread import MainThread
from sswd.worker.motors import Motors
from sswd.worker.outbox import Outbox
from sswd.worker.readback import Readback
from sswd.worker.runner import Runner
from sswd.worker.services import WorkerServices
from sswd.worker.slots import SlotWriter
from sswd.worker.stdio import log_to_ioc, redirect
from sswd.worker.system import Aborted, System
from sswd.worker.watch import SETUP, CommandWatch, call_user
from sswd.worker.words import failure_of

PR_SET_PDEATHSIG = 1
EX_IOC_GONE = 69
ABORT_S = 1.0
"""close() waits so long for an abort() that still runs."""


def ioc_is_gone() -> NoReturn:
    """EOF or EPIPE on a pipe that only the IOC holds."""
    os._exit(EX_IOC_GONE)


def main(spec: WorkerSpec, *connections: Connection) -> NoReturn:
    """Run the system of `spec` until Stop, EOF, or its own end.

    `connections` are cmd, ctl, up, stdio, and the shared memory where there is one.
    """
    # Copies: the Connections end before what runs at exit, and their end would be ours.
    # C code may start programs with all that it may inherit; these it may not.
    cmd, ctl, up, stdio, *memory = (os.dup(c.fileno()) for c in connections)
    for connection in connections:
        connection.close()
    stacks = _prepare_process(stdio)
    flush_at_exit()
    os.close(stdio)
    for fd in (cmd, ctl):
        os.set_blocking(fd, False)
    watch_forks((cmd, ctl, up))
    main_thread = MainThread()
    worker = Worker(spec, cmd, ctl, up, memory[0] if memory else None, main_thread)
    try:
        code = worker.run()
    except SystemExit as ex:
        code = exit_code_of(ex)
    except SswdError:
        ioc_is_gone()
    except BaseException as ex:  # noqa: BLE001 (firewall around user code)
        write_line(trace_of(ex))
        code = EX_SOFTWARE
    if is_child():
        end_child()
    main_thread.leaves()
    worker.leave()
    leave(code, stacks)


def _prepare_process(stdio: int) -> int:
    os.setpgid(0, 0)  # our children die with us; Ctrl-C on the terminal is the IOC's
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return redirect(stdio)


class Worker:
    """Puts the parts together and goes through the life of one run."""

    def __init__(
        self,
        spec: WorkerSpec,
        cmd: int,
        ctl: int,
        up: int,
        memory: int | None,
        main_thread: MainThread,
    ) -> None:
        self._spec = spec
        self._watch = CommandWatch()
        decoder: MessageDecoder[Down] = MessageDecoder(Down)
        self._inputs = Inputs(spec.inputs)
        self._control = Control(
            ctl,
            FrameReader(ctl, decoder),
            self._watch,
            spec.pulse_s,
            main_thread,
            self._inputs,
        )
        self._watch.install(self._control.wake)
        self._outbox = Outbox(
            FrameWriter(up),
            bound=spec.outbox,
            credits=spec.credits,
            fetch_grants=self._control.fetch_grants,
            slots=SlotWriter(spec.slots, memory),
        )
        self._coroutines = Coroutines(self._watch)
        self._services = WorkerServices(
            self._outbox,
            self._watch,
            self._coroutines,
            readbacks=spec.pvs.readbacks,
            inputs=self._inputs,
        )
        self._runner = Runner(self._outbox, self._watch)
        self._inbox = Inbox(
            cmd,
            FrameReader(cmd, MessageDecoder(Down)),
            self._control,
            self._coroutines,
            main_thread,
        )
        self._adapter: Adapter | None = None
        self._beside: BesideCommands | None = None

    def run(self) -> int:
        """Load, wait for Begin, construct, set up, run. Returns the exit code."""
        self._control.start(self._outbox, ioc_is_gone)
        log_to_ioc(self._services.note)
        doing = "surroundings"
        try:
            self._spec.surroundings.enter()
            doing = "import"
            factory = call_user(load_system, self._spec)
            check(factory, self._spec)
            self._outbox.in_order |= frozenset(in_order_of(factory))
            loaded = loaded_of(factory, self._spec)
            check_size(factory, loaded)
            self._services.may_return(loaded.pvs)
            self._outbox.max_array = array_bytes(self._spec.array_bytes, loaded.pvs)
            self._outbox.send(loaded)
            if not self._control.wait_begin():
                return 0
            if not self._control.has_slots:
                self._outbox.forget_slots()
            doing = "construction"
            adapter = self._construct(factory)
            doing = "restore"
            if restored_of(factory) or issubclass(factory, System):
                call_user(adapter.restore, self._inbox.wait_restored())
            doing = "setup"
            keeper = self._open(adapter)
        except (Aborted, Stopped):
            return self._close()
        except Exception as ex:  # noqa: BLE001 (firewall around user code)
            self._outbox.drain()
            self._outbox.send(Failed(doing, failure_of(ex)))
            return EX_SOFTWARE
        self._outbox.send(Ready())
        try:
            self._runner.run(adapter, self._inbox, keeper)
        except Stopped:
            return self._close()
        return 0

    def leave(self) -> None:
        """Tell the IOC that what comes now is the end."""
        self._control.leave()

    def _construct(self, factory: type) -> Adapter:
        if not self._watch.begin(SETUP):
            raise Aborted
        adapter = call_user(
            Adapter.construct,
            factory,
            self._spec.args,
            self._services,
            self._runner,
            has_motors=bool(self._spec.motors),
        )
        assert isinstance(adapter, Adapter)
        self._adapter = adapter
        return adapter

    def _open(self, adapter: Adapter) -> LinkKeeper:
        """Connect where the system can, set up, and begin with `@every` methods."""
        keeper = keeper_of(adapter, self._outbox, self._watch, self._spec)
        keeper.open()
        motors = adapter.add_motors(self._spec.motors, self._outbox.post)
        if not keeper.is_down:  # else its polls tell, once it is connected
            motors.check()
            call_user(motors.report)
        self._watch.end()
        self._watch.set_abort(motors.abort_of(adapter.abort))
        self._beside = BesideCommands(lambda: keeper.is_down)
        self._inbox.attend(keeper)
        self._call_readbacks(adapter, motors, keeper)
        for name, method in adapter.on_inputs(self._inputs):
            self._inbox.on_input(name, InputMethod(f"on_input_{name}", method).call)
        return keeper

    def _call_readbacks(
        self, adapter: Adapter, motors: Motors, keeper: LinkKeeper
    ) -> None:
        """Have `@every` methods called, between commands or beside them."""
        assert self._beside is not None
        readbacks = [
            Readback(name, method, marked, self._outbox, keeper)
            for name, method, marked in adapter.periodics()
        ]
        readbacks += [
            Readback(p.name, p.call, p.marked, self._outbox, keeper, p.is_due)
            for p in motors.polls()
        ]
        self._control.readbacks = readbacks
        for readback in readbacks:
            if readback.marked.beside_commands:
                self._beside.start(readback)
            else:
                self._inbox.add_periodic(readback.call, readback.marked.period_s)

    def _close(self) -> int:
        """Orderly stop. A close() that raises is told; the stop is orderly still."""
        self._watch.end()
        self._watch.wait_abort(ABORT_S)
        if self._beside is not None:
            self._beside.stop()
        if self._adapter is not None:
            try:
                call_user(self._adapter.close)
            except SystemExit:
                raise
            except BaseException as ex:  # noqa: BLE001 (firewall around user code)
                self._outbox.send(Failed("close", failure_of(ex)))
        self._coroutines.close()
        self._outbox.drain()
        return 0
