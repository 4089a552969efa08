"""Setpoints come back: they are shown at the start, and run again before RUNNING.

A PV with `restore` has what the state file has of it as soon as it is served. Each run
whose worker is ready then gets the setpoints as commands, one after the other in the
order in which the PVs are declared. Where the link is LOST at that time they wait until
it is OK, and clients' commands wait for them. Where it is LOST while they run, all of
them run again.

Threading model: the loop's own.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from sswd.alarm import NO_ALARM, Alarm, Severity, Status
from sswd.config.keys import PvConfig
from sswd.directories import file_stem
from sswd.errors import CommandError, PostRefused, UnsendableError
from sswd.ioc import ca
from sswd.ioc.commands.dispatcher import CommandDispatcher, fitting
from sswd.ioc.process.active_run import ActiveRun
from sswd.ioc.process.run import Run
from sswd.ioc.pvs.alarm_priority import Source
from sswd.ioc.pvs.declared import as_sent, check_put
from sswd.ioc.pvs.fed_pv import FedPv
from sswd.ioc.pvs.publisher import Publisher
from sswd.ioc.state.format import Saved
from sswd.ioc.system.state_saver import StateSaver
from sswd.ioc.system.template_api import TemplateApi
from sswd.pipe.protocol import LinkPhase

log = logging.getLogger("sswd.ioc")

DOUBT_S = 1.0
"""The worker tells of its link after the command that failed by it; so soon."""
_FOLLOW = "the link is LOST; setpoints follow when it is OK"


class Restorer:
    """The PVs of one system that have `restore`."""

    def __init__(
        self,
        name: str,
        template: TemplateApi,
        publisher: Publisher,
        dispatcher: CommandDispatcher,
        active: ActiveRun,
    ) -> None:
        self.saver = StateSaver(
            name,
            template.state_folder,
            file_stem(template.prefix or name),
            publisher,
            template.worker.SAVE_ERROR,
        )
        self._report_pv = template.worker.RESTORED
        self._publisher = publisher
        self._dispatcher = dispatcher
        self._active = active
        self._pvs: dict[str, PvConfig] = {}
        self._refused: dict[str, str] = {}
        """What the file has and the PV cannot hold."""
        self._deadly: dict[str, object] = {}
        """Values of PVs during whose command a start ended."""
        self._phase = LinkPhase.OK
        self._owes: Run | None = None
        """The run that gets its setpoints when its link is back."""
        self._doubt_until_s = 0.0
        """Until then a link that fails is why setpoints have failed."""
        self._left: list[str] = []
        """Setpoints that the task has still to run."""
        self._outcome: dict[str, str] = {}
        """Why each setpoint has failed; "" if it has not."""
        self._task: asyncio.Task[None] | None = None

    def add(self, pv: str, config: PvConfig) -> None:
        """A PV with `restore` is served now: it has what was saved."""
        self._pvs[pv] = config
        saved = self.saver.found(pv)
        fed = self._publisher.fed_pv(pv)
        if fed is None:
            return
        if saved is not None:
            try:
                self._show(pv, fed, config, saved)
            except PostRefused as ex:
                self._refused[pv] = f"{saved.value!r} was saved: {ex}"
        if config.restore == "ask":
            self._publisher.ask(pv)
        self.saver.watch(pv, shown=config.restore == "show")

    def run_begins(self) -> None:
        """A run has its PVs, and is about to be constructed and set up."""
        self._phase, self._owes = LinkPhase.OK, None
        self._left, self._doubt_until_s = [], 0.0

    def on_ready(self, run: Run, then: Callable[[], None]) -> None:
        """The worker of this run is ready: `then` once it has its setpoints."""
        if not self._pvs:
            then()
        elif self._phase is LinkPhase.LOST and self._due(Source.WORKER_GONE):
            self._owes = run
            self._report(run, [], [_FOLLOW])
            then()
        else:
            self._begin(run, Source.WORKER_GONE, then)

    def on_link(self, phase: LinkPhase) -> None:
        """The active run tells of its link; called before anything is done about it."""
        before, self._phase = self._phase, phase
        is_back = before is LinkPhase.LOST is not phase
        if is_back and self._owes is not None:
            run, self._owes = self._owes, None
            if self._is_running:
                self._left = self._due(Source.LINK_LOST)
            else:
                self._dispatcher.hold()
                self._begin(run, Source.LINK_LOST, self._dispatcher.release)
        elif phase is LinkPhase.OK:
            self._owes = None  # it was good all the time
        elif self._is_running or time.monotonic() < self._doubt_until_s:
            self._owes = self._active.run
            if phase is LinkPhase.LOST:
                self._left = []  # they would only fail

    # -- inside

    def _show(self, pv: str, fed: FedPv, config: PvConfig, saved: Saved) -> None:
        """Make what was saved the PV's value. Raises PostRefused: it cannot be."""
        value = fed.coerce(saved.value)
        if config.takes_puts:
            sent = as_sent(config, value)
            words = check_put(config, sent)
            if words is not None:
                raise PostRefused(words)
            self._publisher.setpoints[pv] = sent
        fed.publish(value, saved.stamp_s)

    def _due(self, old: Source) -> list[str]:
        """PVs whose setpoints run again. `old` is what they have unless posted."""
        due = []
        for pv, config in self._pvs.items():
            if config.restore == "show" or pv not in self._publisher.setpoints:
                continue
            if config.restore == "ask" and self._is_answered(pv, config, old):
                continue
            due.append(pv)
        return due

    def _is_answered(self, pv: str, config: PvConfig, old: Source) -> bool:
        """Whether the system has posted it since it was asked; that counts, then."""
        fed = self._publisher.fed_pv(pv)
        if fed is None or old in fed.held:
            return False
        self._publisher.setpoints[pv] = as_sent(config, fed.data.value)
        return True

    def _begin(self, run: Run, old: Source, then: Callable[[], None]) -> None:
        self._left, self._outcome = self._due(old), {}
        if not self._left:
            self._report(run, [], [])
            then()
            return
        # A reference, lest the task is lost; it ends when its commands have.
        self._task = asyncio.get_running_loop().create_task(self._run(run, then))

    @property
    def _is_running(self) -> bool:
        return self._task is not None and not self._task.done()

    def _is_on(self, run: Run) -> bool:
        return run is self._active.run and not run.was_asked

    async def _run(self, run: Run, then: Callable[[], None]) -> None:
        try:
            # One may run that began while the link was LOST.
            await self._dispatcher.idle()
            while self._left and self._is_on(run):
                pv = self._left.pop(0)
                self._outcome[pv] = await self._apply(run, pv)
        finally:  # whatever happens: commands are held until then
            if self._is_on(run):
                self._tell_outcome(run)
                then()

    def _tell_outcome(self, run: Run) -> None:
        done = [pv for pv, words in self._outcome.items() if not words]
        failed = [f"{pv}: {words}" for pv, words in self._outcome.items() if words]
        if failed:
            self._doubt_until_s = time.monotonic() + DOUBT_S
            if self._phase is not LinkPhase.OK:
                self._owes = run
        if self._phase is LinkPhase.LOST and self._owes is not None:
            failed.append(_FOLLOW)
        self._report(run, done, failed)

    async def _apply(self, run: Run, pv: str) -> str:
        """Run one setpoint again; words for why it has not."""
        value = self._publisher.setpoints[pv]
        if self._dispatcher.has_waiting(pv):
            return "a newer put waits"
        if pv in self._deadly and self._deadly[pv] is value:
            return f"{value!r} not run again: the worker ended while it ran it"
        try:
            await self._dispatcher.reapply(pv, value)
        except (CommandError, UnsendableError) as ex:
            if run is not self._active.run and not run.was_asked:
                self._deadly[pv] = value
            return str(ex)
        return ""

    def _report(self, run: Run, done: list[str], failed: list[str]) -> None:
        """Tell it by the PV and in the log."""
        put = self._publisher.setpoints
        failed += [
            f"{pv}: {words}" for pv, words in self._refused.items() if pv not in put
        ]
        failed += filter(None, [self.saver.found_words])
        parts = [*failed, f"ran again: {', '.join(done)}" if done else ""]
        words = "; ".join(filter(None, parts)) or "no setpoint had to run again"
        level = logging.WARNING if failed else logging.INFO
        if failed or done:
            log.log(level, "%s: restore: %s", run.who, words)
        text = fitting(f"run {run.number}: {words}", self._report_pv)
        alarm = Alarm(Severity.MAJOR, Status.WRITE, text) if failed else NO_ALARM
        ca.post(self._report_pv, text, alarm=alarm)
