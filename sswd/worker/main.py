"""Entry of the worker process: signals, handshake, the main loop, exit codes.

Exit codes: 0 after an orderly Stop; EX_SOFTWARE (70) when the system could not be
loaded, constructed or set up; EX_UNAVAILABLE (69) when the IOC is gone.
"""

import atexit
import contextlib
import ctypes
import os
import signal
import sys
import traceback
from typing import Any, NoReturn

from multiprocess.connection import Connection

from sswd.errors import SswdError
from sswd.pipe.codec import MessageDecoder
from sswd.pipe.framing import FrameReader, FrameWriter
from sswd.pipe.protocol import PROTOCOL, Down, Failed, Loaded, Ready, WorkerSpec
from sswd.sequence import verbs_of
from sswd.sequence.verbs import to_plain
from sswd.worker.adapter import Adapter
from sswd.worker.control import EX_SOFTWARE, Control
from sswd.worker.inbox import Inbox, Stopped
from sswd.worker.inputs import Inputs
from sswd.worker.inspection import warnings_of
from sswd.worker.loader import load_class
from sswd.worker.outbox import Outbox
from sswd.worker.runner import Runner, failure_of
from sswd.worker.services import WorkerServices
from sswd.worker.slots import SlotWriter
from sswd.worker.stdio import log_to_ioc, redirect
from sswd.worker.system import Aborted
from sswd.worker.watch import SETUP, CommandWatch, call_user

PR_SET_PDEATHSIG = 1
EX_IOC_GONE = 69
ABORT_S = 1.0
"""close() waits so long for an abort() that still runs."""


def leave(code: int) -> NoReturn:
    """End the process now: no other thread of the driver may keep it."""
    for stream in (sys.stdout, sys.stderr):
        # What the driver left there: closed, None, its own; or the IOC is gone.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


def ioc_is_gone() -> NoReturn:
    """EOF or EPIPE on a pipe that only the IOC holds."""
    os._exit(EX_IOC_GONE)


def main(spec: WorkerSpec, *connections: Connection) -> NoReturn:
    """Run the system of `spec` until Stop, EOF, or its own end.

    `connections` are cmd, ctl, up, stdio, and the shared memory where there is one.
    """
    cmd, ctl, up, stdio, *memory = (c.fileno() for c in connections)
    _prepare_process(stdio)
    for connection in connections:  # C code may start programs with all it has
        os.set_inheritable(connection.fileno(), False)
    for fd in (cmd, ctl):
        os.set_blocking(fd, False)
    worker = Worker(spec, cmd, ctl, up, memory[0] if memory else None)
    try:
        code = worker.run()
    except SystemExit as ex:
        code = _exit_code(ex)
    except SswdError:
        ioc_is_gone()
    except BaseException:  # noqa: BLE001 (firewall around user code)
        # Out of here it would wait for the driver's threads, perhaps for ever.
        traceback.print_exc()
        code = EX_SOFTWARE
    atexit._run_exitfuncs()  # noqa: SLF001 (drivers rely on atexit; os._exit skips it)
    leave(code)


def _exit_code(ex: SystemExit) -> int:
    """As Python does it: None is 0, words are printed and 1."""
    if ex.code is None or isinstance(ex.code, int):
        return ex.code or 0
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"{ex.code}\n")
    return 1


def _prepare_process(stdio: int) -> None:
    os.setpgid(0, 0)  # our children die with us; Ctrl-C on the terminal is the IOC's
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    redirect(stdio)


class Worker:
    """Puts the parts together and goes through the life of one run."""

    def __init__(
        self, spec: WorkerSpec, cmd: int, ctl: int, up: int, memory: int | None
    ) -> None:
        self._spec = spec
        self._watch = CommandWatch()
        decoder: MessageDecoder[Down] = MessageDecoder(Down)
        self._inputs = Inputs(spec.inputs)
        self._control = Control(
            ctl, FrameReader(ctl, decoder), self._watch, spec.pulse_s, self._inputs
        )
        self._watch.install(self._control.wake)
        self._outbox = Outbox(
            FrameWriter(up),
            bound=spec.outbox,
            credits=spec.credits,
            fetch_grants=self._control.fetch_grants,
            slots=SlotWriter(spec.slots, memory),
        )
        self._services = WorkerServices(self._outbox, self._watch, self._inputs)
        self._runner = Runner(self._outbox, self._watch)
        self._inbox = Inbox(
            cmd,
            FrameReader(cmd, MessageDecoder(Down)),
            self._control,
            self._runner.run_periodic,
        )
        self._adapter: Adapter | None = None

    def run(self) -> int:
        """Load, wait for Begin, construct, set up, run. Returns the exit code."""
        self._control.start(self._outbox, ioc_is_gone)
        log_to_ioc(self._services.note)
        doing = "import"
        try:
            factory = load_class(self._spec.target, self._spec.folder)
            self._outbox.in_order |= frozenset(getattr(factory, "in_order", ()))
            self._services.readbacks |= _readbacks(factory, self._spec)
            self._runner.readbacks = self._services.readbacks
            self._outbox.send(_loaded(factory, self._spec))
            if not self._control.wait_begin():
                return 0
            if not self._control.has_slots:
                self._outbox.forget_slots()
            doing = "construction"
            adapter = self._construct(factory)
            doing = "restore"
            if _restored(factory):
                call_user(adapter.restore, self._inbox.wait_restored())
            doing = "setup"
            self._set_up(adapter)
        except (Aborted, Stopped):
            return self._close()
        except Exception as ex:  # noqa: BLE001 (firewall around user code)
            self._outbox.drain()
            self._outbox.send(Failed(doing, failure_of(ex)))
            return EX_SOFTWARE
        self._outbox.send(Ready())
        try:
            self._runner.run(adapter, self._inbox)
        except Stopped:
            return self._close()
        return 0

    def _construct(self, factory: type) -> Adapter:
        if not self._watch.begin(SETUP):
            raise Aborted
        adapter = call_user(
            Adapter.construct,
            factory,
            self._spec.args,
            self._services,
            self._runner,
        )
        assert isinstance(adapter, Adapter)
        self._adapter = adapter
        return adapter

    def _set_up(self, adapter: Adapter) -> None:
        call_user(adapter.setup)
        self._watch.end()
        self._watch.set_abort(adapter.abort)
        for method, period_s in adapter.periodics():
            self._inbox.add_periodic(method, period_s)
        for name, method in adapter.on_inputs(self._inputs):
            self._inbox.on_input(name, method)

    def _close(self) -> int:
        """Orderly stop. A close() that raises is told; the stop is orderly still."""
        self._watch.end()
        self._watch.wait_abort(ABORT_S)
        if self._adapter is not None:
            try:
                self._adapter.close()
            except Exception as ex:  # noqa: BLE001 (firewall around user code)
                self._outbox.send(Failed("close", failure_of(ex)))
        self._outbox.drain()
        return 0


def _readbacks(factory: Any, spec: WorkerSpec) -> frozenset[str]:
    """PVs of class and configuration that have a readback."""
    declared = dict(getattr(factory, "pvs", {})).items()
    of_class = {str(pv) for pv, keys in declared if dict(keys).get("readback")}
    return frozenset(of_class | {*spec.readbacks})


def _restored(factory: Any) -> list[str]:
    return [str(pv) for pv in getattr(factory, "restored", ())]


def _loaded(factory: Any, spec: WorkerSpec) -> Loaded:
    pvs = {str(k): dict(v) for k, v in dict(getattr(factory, "pvs", {})).items()}
    verbs = to_plain(verb.signature for verb in verbs_of(factory).values())
    warnings = warnings_of(factory) if spec.inspect else []
    in_order = [str(pv) for pv in getattr(factory, "in_order", ())]
    return Loaded(PROTOCOL, pvs, list(verbs), _restored(factory), warnings, in_order)
