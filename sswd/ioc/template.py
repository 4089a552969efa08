"""The template: CMD, ACK, message, values, and the PVs that tell of commands."""

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from caproto import SkipWrite
from caproto.server import PVGroup, SubGroup, pvproperty

from sswd.config import from_dict
from sswd.config.keys import PvConfig, SystemConfig
from sswd.directories import current_directory, state_directory
from sswd.errors import CommandRejected
from sswd.ioc.ca import Data, fill_record_fields, post
from sswd.ioc.commands.command import CommandState
from sswd.ioc.process.guardian import Guardian
from sswd.ioc.process.queues import CommandQueue
from sswd.ioc.process.run import PostQueue
from sswd.ioc.pvs.channel import Channel
from sswd.ioc.pvs.kinds import Text
from sswd.ioc.pvs.momentary import is_act, momentary
from sswd.ioc.pvs.publisher import FED_FROM_THE_START
from sswd.ioc.pvs.pv_alarm import own_alarms
from sswd.ioc.pvs.readback import readback
from sswd.ioc.supervision.lifecycle import Event
from sswd.ioc.supervision.worker_pvs import WorkerStatus
from sswd.ioc.system.lock import LockPvs
from sswd.ioc.system.served_system import ServedSystem
from sswd.ioc.system.template_api import TemplateApi, outermost, pvs_of
from sswd.ioc.system.trigger_pvs import TriggerPvs
from sswd.pipe.launch import Launch, launch
from sswd.sizes import CMD_BYTES, VALUES_ELEMENTS

log = logging.getLogger("sswd.ioc")

NO_SYSTEM = (
    'no system is set: name one with `server.system = "module:Class"` before run(), '
    "or `target` in the configuration"
)


class Server(PVGroup):  # type: ignore[misc]
    """Serves one blocking system. The names are those of the sequence server wrapper.

    A PVGroup of caproto: use it alone, or as `SubGroup(Server, prefix="seq:")`. Set
    `system` before the server runs. Its startup hook starts the worker, its shutdown
    hook stops it. `io_get_queue` holds commands for the worker, `io_put_queue` takes
    posts as `{pv: value}`, from any thread; both are None before the start-up.

    Threading model: everything on the IOC's loop, unless a method says otherwise.

    Classic use, in one's own PVGroup::

        class StageIOC(PVGroup):
            seq = SubGroup(Server, prefix="seq:")
            GO = pvproperty(value=0)
            @GO.putter
            async def GO(self, instance, value):
                await self.seq.system_io_execute(pv_name="CMD", value="[0]")

        ioc = StageIOC(prefix="LAB:")
        ioc.seq.system = "mylab.stage:Stage"
        run(ioc.pvdb)
    """

    CMD = pvproperty(
        value="This is command string",
        dtype=Text,
        max_length=CMD_BYTES,
        record="lso",
        doc="Command to the system",
    )
    ACK = readback("str", "Answer to CMD: 1, or 0 with the reason", value="0")
    message = readback("text", "Text from the system", length=CMD_BYTES)
    values = readback(
        "float",
        "Numbers from the system",
        value=np.array([np.nan, np.nan]),
        length=VALUES_ELEMENTS,
        precision=3,
        max_subscription_backlog=100,
    )
    CMD_ID = readback("int", "Id of the last changed command")
    CMD_STATE = readback(
        "enum",
        "State of the last changed command",
        strings=[state.name for state in CommandState],
    )
    CMD_ERROR = readback("text", "Why the command did not succeed", length=CMD_BYTES)
    CMD_TIME = readback("float", "How long the command ran", units="s", precision=3)
    BUSY = readback("bool", "Whether a command runs now", strings=("Idle", "Busy"))
    PROGRESS = readback(
        "float",
        "How far the running command is, 0 to 1",
        precision=2,
        lower_disp_limit=0.0,
        upper_disp_limit=1.0,
    )
    QUEUE_LEN = readback("int", "Number of commands that wait")
    ABORT = momentary("Abort the command, reject waiting ones")
    CMD_PREVIEW = pvproperty(
        value="",
        dtype=Text,
        max_length=CMD_BYTES,
        record="lso",
        doc="Put a text; shows what CMD would do",
    )
    WORKER = SubGroup(WorkerStatus, prefix="WORKER:")
    LOCKING = SubGroup(LockPvs, prefix="")

    def __init__(
        self,
        prefix: str,
        *,
        macros: Mapping[str, str] | None = None,
        parent: PVGroup | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(prefix, macros=macros, parent=parent, name=name)
        self.CMD.puts_overlap = True  # they queue in the ledger
        own_alarms(self.WORKER, self.LOCKING)
        self._served: ServedSystem | None = None
        self._config: SystemConfig | None = None
        self._pvdbs: list[dict[str, Data]] = [self.pvdb]
        self._system_name = (name or "system").rpartition(".")[2]
        self._folder = current_directory()
        self._state_folder: Path | None = None
        self.is_unparked = False  # the hardware: an IOC was killed
        self.on_declared: Callable[[str, PvConfig], None] = lambda _pv, _keys: None
        self._guardian: Guardian | None = None
        self._owns_guardian = False
        self._launch: Launch = launch
        self._trigger_pvs: TriggerPvs | None = None
        self._group: PVGroup | None = None
        self.io_get_queue: CommandQueue | None = None
        self.io_put_queue: PostQueue | None = None

    # -- what the worker runs

    @property
    def system(self) -> str | None:
        """The "module:Class" that the worker runs, or None. Set it before run()."""
        return None if self._config is None else self._config.target

    @system.setter
    def system(self, target: str | SystemConfig) -> None:
        """A "module:Class", or a SystemConfig. The IOC never imports it.

        Raises TypeError for an instance or a class: it would live in this process.
        """
        if isinstance(target, SystemConfig):
            self._config = target
            if target.trigger is not None and self._trigger_pvs is None:
                self._trigger_pvs = TriggerPvs(f"{self.prefix}TRIGGER:")
                self.add_pvs(self._trigger_pvs.pvdb)
            return
        if not isinstance(target, str):
            what = target if isinstance(target, type) else type(target)
            raise TypeError(
                "server.system takes the name of a class, because it is imported in "
                f'the worker only; say "{what.__module__}:{what.__qualname__}"'
            )
        table = {"system": {self._system_name: {"target": target}}}
        config = from_dict(table, "server.system")
        self._config = config.system[self._system_name]

    @property
    def system_name(self) -> str:
        """What logs call the system."""
        return self._system_name

    def configure(  # noqa: PLR0913 (one call by keywords, for assignments in an order)
        self,
        *,
        system: SystemConfig | str | None = None,
        name: str | None = None,
        folder: Path | None = None,
        guardian: Guardian | None = None,
        group: PVGroup | None = None,
        pvdb: dict[str, Data] | None = None,
        launch: Launch | None = None,
        state_folder: Path | None = None,
    ) -> None:
        """Set what is given, before the start; the rest stays. The loop's own.

        `system` is what the worker runs and `name` what logs call it. `folder` is put
        first on the worker's sys.path; default: the current one. `guardian` is shared
        by systems of one daemon; default: one of its own. The system may post PVs of
        `group`; default: the group that this template is a part of. PVs that come later
        are added to `pvdb` too: the one that is served. `launch` starts the worker.
        `state_folder` has the state files; default: the state directory.
        """
        self._system_name = name or self._system_name
        self._folder = folder or self._folder
        self._guardian = guardian or self._guardian
        self._group = group or self._group
        self._launch = launch or self._launch
        self._state_folder = state_folder or self._state_folder
        if system is not None:
            self.system = system
        if pvdb is not None:
            self._pvdbs.append(pvdb)

    def add_pvs(self, channels: Mapping[str, Channel]) -> None:
        """Serve more PVs from now on: caproto's channels by whole name. Loop.

        Raises ValueError for a name that is served already, and serves none then: a PV
        is never replaced.
        """
        taken = sorted(filter(self.is_served, channels))
        if taken:
            raise ValueError(f"served already: {', '.join(taken)}")
        fill_record_fields(channels)
        for pvdb in self._all_pvdbs():
            pvdb.update(channels)

    def is_served(self, name: str) -> bool:
        """Whether this whole name is served, by this template or beside it."""
        return any(name in pvdb for pvdb in self._all_pvdbs())

    def _all_pvdbs(self) -> Iterator[dict[str, Data]]:
        group: PVGroup | None = self
        while group is not None:
            yield group.pvdb
            group = group.parent
        yield from self._pvdbs

    def _find(self, name: str) -> Data | None:
        """A PV by its whole name, of this template or of all that is served with it."""
        return next((pvdb[name] for pvdb in self._all_pvdbs() if name in pvdb), None)

    # -- life

    def compose(self) -> ServedSystem | None:
        """Make the parts of the system, on the loop; once."""
        if self._served is None and self._config is not None:
            if self._guardian is None:
                self._guardian, self._owns_guardian = Guardian(), True
            self._served = ServedSystem(
                self._system_name,
                self._config,
                self._api(),
                folder=self._folder,
                guardian=self._guardian,
                launch=self._launch,
            )
            self.io_get_queue = self._served.commands
            self.io_put_queue = self._served.posts
            self.WORKER.feed = self._served.supervisor.feed
            self.WORKER.set_level = self._served.supervisor.log_levels.put
        return self._served

    def _api(self) -> TemplateApi:
        return TemplateApi(
            prefix=self.prefix,
            cmd=self.CMD,
            fed={pv: getattr(self, pv) for pv in FED_FROM_THE_START},
            commands=self,
            worker=self.WORKER,
            trigger=self._trigger_pvs,
            group=pvs_of(self._group or outermost(self), self.pvdb),
            find=self._find,
            add_pvs=self.add_pvs,
            state_folder=self._state_folder or state_directory(),
            is_served=self.is_served,
            on_declared=self.on_declared,
        )

    @CMD.startup
    async def CMD(self, _instance: object, _async_lib: object) -> None:  # noqa: N802
        # Our Context has done it; under caproto's own run() nobody has.
        fill_record_fields((outermost(self) or self).pvdb)
        if (served := self.compose()) is None:
            log.warning("%s: %s; puts are refused", self.prefix or "server", NO_SYSTEM)
        else:
            served.start(is_unparked=self.is_unparked)

    @CMD.shutdown
    async def CMD(self, _instance: object, _async_lib: object) -> None:  # noqa: N802
        await self.close()

    @property
    def served(self) -> ServedSystem | None:
        """What serves the system; None: before the start and after the end."""
        return self._served

    @property
    def published(self) -> tuple[int, float]:
        """(posts published, seconds they took) since the start."""
        return (0, 0.0) if self._served is None else self._served.published

    async def close(self) -> bool:
        """Stop the worker for good, release all; whether the hardware is safe then."""
        if (served := self._served) is not None:
            self.WORKER.feed = None
            self.is_unparked = not await served.close()
            self._served = None  # not before: `kill` may hurry it up
            if self._owns_guardian and self._guardian is not None:
                self._guardian.close()
        return not self.is_unparked  # also where the start failed

    def reconfigure(self, system: SystemConfig) -> None:
        """The system that runs has other keys, as config/changes.py gives them."""
        self._config = system
        if self._served is not None:
            self._served.reconfigure(system)

    def kill(self) -> None:
        """Do not wait any longer for the worker that was asked to stop."""
        if self._served is not None:
            self._served.supervisor.feed(Event.STOP_OVERDUE)

    def dump_stacks(self) -> None:
        """Have the worker write the stacks of its threads into the log."""
        if self._served is not None:
            self._served.supervisor.dump_stacks()

    # -- puts

    async def system_io_execute(self, pv_name: str, value: object) -> None:
        """Submit one command and return when it has ended and its posts are published.

        `pv_name` is what the system's `io_execute` gets as such. `value` is a str,
        float, int, bool or bytes, a list of these, or a numeric numpy array. Raises
        CommandFailed, CommandTimeout, CommandAborted, CommandLost or CommandRejected,
        all CommandError of `sswd.errors`, with the words of CMD_ERROR. On the IOC's
        loop only: `await self.system_io_execute(pv_name="CMD", value="[0]")`.
        """
        if self._served is None:
            raise CommandRejected(f"rejected: {NO_SYSTEM}")
        await self._served.submit(pv_name, value)

    @CMD.putter
    async def CMD(self, _instance: object, value: object) -> None:  # noqa: N802
        await self.system_io_execute(pv_name="CMD", value=value)
        raise SkipWrite  # the accepted value is published already

    @CMD_PREVIEW.putter
    async def CMD_PREVIEW(self, instance: Channel, value: str) -> None:  # noqa: N802
        if self._served is None:
            raise CommandRejected(f"rejected: {NO_SYSTEM}")
        post(instance, self._served.preview(value))
        raise SkipWrite

    @ABORT.putter
    async def ABORT(self, _instance: object, value: object) -> None:  # noqa: N802
        if is_act(value) and self._served is not None:
            self._served.dispatcher.abort()
        raise SkipWrite
