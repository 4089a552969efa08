"""Everything that serves one system, put together.

Queues, dispatcher, supervisor and receiver are made in this order; who needs a part
gets it whole.

Made by the template's start-up hook, on the loop.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from sswd.config.keys import PvConfig, SystemConfig
from sswd.ioc import ca
from sswd.ioc.commands.command import Command
from sswd.ioc.commands.command_log import words_of
from sswd.ioc.commands.dispatcher import CommandDispatcher
from sswd.ioc.commands.ledger import Ledger
from sswd.ioc.process.active_run import ActiveRun
from sswd.ioc.process.guardian import Guardian
from sswd.ioc.process.queues import CommandQueue
from sswd.ioc.process.run import PostQueue, Run
from sswd.ioc.pvs.channel import Channel
from sswd.ioc.pvs.declared import check_put
from sswd.ioc.pvs.fed_pv import FedPv
from sswd.ioc.pvs.publisher import FED_FROM_THE_START, Publisher
from sswd.ioc.pvs.value_rules import ValueRules
from sswd.ioc.supervision.lifecycle import Event, WorkerState
from sswd.ioc.supervision.parts import SystemParts
from sswd.ioc.supervision.postmortem import Archive
from sswd.ioc.supervision.supervisor import Supervisor
from sswd.ioc.system.class_pvs import serving
from sswd.ioc.system.inputs import Inputs
from sswd.ioc.system.language import Language
from sswd.ioc.system.motors import add_motors, keep_motors
from sswd.ioc.system.policy import policy_of
from sswd.ioc.system.receiver import MessageReceiver
from sswd.ioc.system.restorer import Restorer
from sswd.ioc.system.stepping import LOOKED_AT, has_stepped
from sswd.ioc.system.system_pvs import SystemPvs
from sswd.ioc.system.template_api import TemplateApi
from sswd.ioc.system.trigger import Trigger
from sswd.ioc.system.worker_spec import worker_spec
from sswd.pipe.codec import sendable
from sswd.pipe.launch import Launch
from sswd.pipe.limits import array_bytes, frame_limits, largest
from sswd.pipe.protocol import (
    Declare,
    InputsTaken,
    Loaded,
    Message,
    Properties,
    Restore,
)
from sswd.pipe.worker_spec import WorkerSpec
from sswd.sequence.step_pvs import READY, STEP_TIME

log = logging.getLogger("sswd.ioc")

PARK_TARGET = "sswd.worker.park:Park"
CLOSE_S = 7.3
"""The daemon's stop ends within 8 s, whatever the worker does."""
LET_GO_S = 0.3  # and so long it waits for the ends of those that were killed


class ServedSystem:
    """One system behind one template."""

    def __init__(
        self,
        name: str,
        config: SystemConfig,
        template: TemplateApi,
        *,
        folder: Path,
        guardian: Guardian,
        launch: Launch,
    ) -> None:
        self.name = name
        self.config = config
        self._template = template
        self._guardian = guardian
        self._launch = launch
        self._folder = folder
        self._language = Language(name)
        self.posts = PostQueue()
        self.commands = CommandQueue(self._submit_by_hand)
        self._array_bytes = largest(0, (c.max_length for c in self._known_channels()))
        self._frame_limits = frame_limits(self._array_bytes)
        self.publisher = self._make_publisher()
        active = ActiveRun(self.commands, self._on_kill)
        self._inputs = Inputs(
            name, config.inputs, active.tell, self.publisher, template.find
        )
        self.dispatcher = CommandDispatcher(
            Ledger(policy_of(config)), template.commands, self.publisher, active
        )
        self._restorer = Restorer(
            name, template, self.publisher, self.dispatcher, active
        )
        self._pvs = SystemPvs(
            name, config.pvs, self.publisher, template, self.forward, self._on_served
        )
        template.cmd.refuse_put = functools.partial(self._refuse_put, "CMD")
        motors = add_motors(config.motors, self.publisher, self.dispatcher, template)
        keep_motors(motors, self._restorer.saver)
        self.supervisor = Supervisor(self._parts(active))
        self._receiver = MessageReceiver(
            self.posts,
            self.publisher,
            self.dispatcher,
            active,
            self.supervisor.worker_events,
        )
        self._trigger: Trigger | None = None
        if config.trigger is not None and template.trigger is not None:
            self._trigger = Trigger(self, config.trigger, template.trigger)

    def _known_channels(self) -> Iterator[Channel]:
        """What a worker may post besides what is declared."""
        yield from self._template.fed.values()
        yield from self._template.group.values()

    def _on_served(self, name: str, config: PvConfig, channel: Channel) -> None:
        """One more declared PV is served."""
        self._template.on_declared(name, config)
        if config.takes_puts:
            channel.refuse_put = functools.partial(self._refuse_put, name)
        if config.depends:
            self._inputs.add_dependent(name, config.depends)
        if config.restore is not False:
            self._restorer.add(name, config)
        self._make_room(largest(self._array_bytes, [config.capacity]))

    def _make_room(self, array: int) -> None:
        """A worker may post arrays of so many bytes from now on."""
        self._array_bytes = array
        self._frame_limits.body = frame_limits(array).body

    def _make_publisher(self) -> Publisher:
        template = self._template
        publisher = Publisher(self.name, template.worker.REFUSED)
        for pv in FED_FROM_THE_START:
            target = FedPv(template.fed[pv], is_writable=False, rules=ValueRules())
            publisher.add(pv, target, is_fed=True)
        progress = FedPv(template.commands.PROGRESS, is_writable=False)
        publisher.add("PROGRESS", progress, is_fed=False)
        publisher.show_on("CMD", template.cmd)
        for name, channel in template.group.items():
            if not publisher.knows(name):
                publisher.add(name, FedPv(channel, is_writable=True), is_fed=False)
        return publisher

    def _specs(self, config: SystemConfig) -> tuple[WorkerSpec, WorkerSpec | None]:
        """Of the worker, and of the process that runs the park routine."""
        spec = worker_spec(
            self.name,
            config,
            self._folder,
            array_bytes=self._array_bytes,
            group=self._template.group,
        )
        if not config.park:
            return spec, None
        args = {"routine": config.park, **config.args}
        return spec, replace(spec, target=PARK_TARGET, args=args, slots={})

    def reconfigure(self, config: SystemConfig) -> None:
        """Other keys: those of commands hold at once, the worker's in its next run."""
        self.config = config
        self._pvs.take_groups(config.pvs)
        self.dispatcher.set_policy(policy_of(config))
        self.supervisor.set_specs(*self._specs(config))

    def _parts(self, active: ActiveRun) -> SystemParts:
        """What the supervisor works on."""
        spec, park_spec = self._specs(self.config)
        return SystemParts(
            name=self.name,
            config=self.config,
            spec=spec,
            park_spec=park_spec,
            status=self._template.worker,
            publisher=self.publisher,
            dispatcher=self.dispatcher,
            active=active,
            archive=Archive(self._template.prefix or self.name),
            launch=self._launch_run,
            on_loaded=self._on_loaded,
            on_ready=self._restorer.on_ready,
            on_link=self._restorer.on_link,
            on_request=self._on_request,
        )

    def _launch_run(self, spec: WorkerSpec) -> Run:
        limits = self._frame_limits
        run = Run(spec, self.posts, self._guardian, self._launch, limits)
        self._receiver.watch(run)
        return run

    def _on_kill(self) -> None:
        self.supervisor.on_kill()

    # -- life

    def start(self, *, is_unparked: bool = False) -> None:
        """Start the first worker; `is_unparked`: after the park routine."""
        self.publisher.worker_gone("the worker has not been started")
        self.supervisor.link.start()
        self.supervisor.feed(Event.START_UNPARKED if is_unparked else Event.START)
        self._inputs.start()
        if self._trigger is not None:
            self._trigger.start()

    async def close(self) -> bool:
        """Stop the worker for good; at most CLOSE_S. Whether it closed, or was parked
        after its death."""
        until_s = time.monotonic() + CLOSE_S
        self._restorer.saver.save()
        if self._trigger is not None:
            await self._trigger.close()
        await self._inputs.close()
        self.supervisor.feed(Event.SHUTDOWN)
        try:
            await asyncio.wait_for(self.supervisor.closed.wait(), CLOSE_S)
        except TimeoutError:
            log.error(
                "system '%s': the worker did not stop in time; the IOC ends without it",
                self.name,
            )
        await self._let_go()
        await self._restorer.saver.close(until_s)
        self._receiver.close()
        self.supervisor.close()
        self.dispatcher.close()
        self.publisher.close()
        if not self.supervisor.holds:  # else its bridge lives and needs the queues
            self.commands.close()
            self.posts.close()
        if self.supervisor.holds_undead or self.supervisor.is_parking:
            return False
        return self.supervisor.closed.is_set()

    async def _let_go(self) -> None:
        """A dropped standby may be dying still: take its Gone, reap it."""
        if self.supervisor.holds_undead:
            return
        until_s = time.monotonic() + LET_GO_S
        while self.supervisor.holds and time.monotonic() < until_s:  # noqa: ASYNC110
            await asyncio.sleep(0.002)

    @property
    def published(self) -> tuple[int, float]:
        """(posts published, seconds they took) since the start."""
        return self._receiver.published, self._receiver.took_s

    # -- puts

    def config_of(self, pv: str) -> PvConfig | None:
        """The keys of a declared PV; None: it is none."""
        return self._pvs.config_of(pv)

    def submit(self, pv: str, value: object) -> "asyncio.Future[None]":
        """Make a command of a put; publish an accepted value at once."""
        config = self._pvs.config_of(pv)
        refusal = None if config is None else check_put(config, value)
        return self.dispatcher.submit(pv, value, refusal)

    def obstacle(self) -> str | None:
        """Why a command put now would not begin now, in words; None: it would."""
        state = self.supervisor.phase.state
        if state is not WorkerState.RUNNING:
            return f"the worker is {state.name}"
        running = self.dispatcher.running
        if running is None or self._has_stepped(running):
            return None
        return f"{words_of(running)} runs"

    def _has_stepped(self, command: Command) -> bool:
        ready = self._pvs.config_of(READY)
        if ready is None:
            return False
        told = self.publisher.values_of(LOOKED_AT)
        return has_stepped(command.pv, command.value, told, ready.states)

    def _submit_by_hand(self, commands: Mapping[str, object]) -> None:
        for name, value in commands.items():
            pv = str(name).encode("utf-8", "backslashreplace").decode()
            self.submit(pv, value).add_done_callback(lambda f: f.exception())

    def preview(self, text: str) -> str:
        """What a text put to CMD would do, by the grammar; nothing is executed."""
        step_s = self.publisher.values_of([STEP_TIME]).get(STEP_TIME)
        limit = self._template.fed["values"].max_length
        return self._language.preview(text, limit, step_s)

    async def forward(self, pv: str, value: object) -> None:
        """The putter of a declared PV."""
        await self.submit(pv, value)

    def _refuse_put(self, pv: str, words: str) -> BaseException:
        """A client's put whose value the PV cannot hold: a REJECTED command as well."""
        refused = self.dispatcher.submit(pv, None, words).exception()
        assert refused is not None
        return refused

    # -- PVs

    def _on_loaded(self, loaded: Loaded, then: Callable[[], None]) -> None:
        """The active run has imported its class, and waits for Begin: `then`."""

        def declared() -> None:
            self.publisher.publish_every_post(loaded.in_order)
            self.restore(loaded)
            self._restorer.run_begins()
            self._inputs.run_begins()
            then()

        self._language.learn(loaded)
        serve = functools.partial(self._pvs.declare_pv, given=loaded.pvs)
        steps = serving(self.name, loaded.pvs, self.config.target, serve)
        ca.in_turns(steps, declared)

    def _on_request(self, message: Message) -> None:
        """What the active run says that is neither a post nor of its life."""
        match message:
            case InputsTaken(names):
                self._inputs.taken(names)
            case Declare(pvs):
                # As the worker reckons: one that is refused may be posted, too.
                self._make_room(array_bytes(self._array_bytes, pvs))
                self._pvs.declare_found(pvs, self.config.target)
            case Properties():
                self._pvs.change(message)
            case _:
                pass

    def restore(self, loaded: Loaded) -> None:
        """Hand a new run the last setpoints that were accepted since the IOC started,
        and the last values of the PVs that its class wants back."""
        if loaded.restored or loaded.takes_setpoints:
            setpoints = self.publisher.setpoints if loaded.takes_setpoints else {}
            values = {**setpoints, **self.publisher.values_of(loaded.restored)}
            sent = {pv: sendable(value) for pv, value in values.items()}
            self.commands.push(Restore(sent))
