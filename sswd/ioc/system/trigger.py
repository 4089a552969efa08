"""Performs triggers: a master's PV is monitored, each trigger put to the system.

Threading model: the loop's own. client/remote_pv.py is the client; it survives every
failure of the master and of the network. trigger_rules.py decides what a value means.
"""

import asyncio
import functools
import logging
from collections.abc import Sized
from typing import Protocol

from sswd.alarm import NO_ALARM
from sswd.config.keys import TriggerConfig
from sswd.errors import CommandRejected
from sswd.ioc import ca
from sswd.ioc.client.remote_pv import RemotePv, Update
from sswd.ioc.commands.dispatcher import fitting
from sswd.ioc.pvs.alarm_priority import Source, alarm_from
from sswd.ioc.pvs.pv_alarm import own_alarm, show_alarm
from sswd.ioc.system.trigger_pvs import TriggerPvs
from sswd.ioc.system.trigger_rules import Put, TriggerRules

log = logging.getLogger("sswd.ioc")


class Served(Protocol):
    """The part of a served system that a trigger needs."""

    name: str

    def submit(self, pv: str, value: object) -> "asyncio.Future[None]": ...
    def obstacle(self) -> str | None: ...


class Trigger:
    """The trigger of one system, from `start` to `close`."""

    def __init__(self, served: Served, config: TriggerConfig, pvs: TriggerPvs) -> None:
        self._served = served
        self._pv = config.put
        self._pvs = pvs
        self._rules = TriggerRules(
            config.key or served.name,
            config.busy,
            at_connect=config.at_connect,
            whole=config.whole,
        )
        self._remote = RemotePv(config.pv, self._updated, self._connection)

    def start(self) -> None:
        """Look for the master's PV."""
        own_alarm(self._pvs.CONNECTED)
        self._set_alarm(False)
        self._remote.start()

    async def close(self) -> None:
        """No more triggers."""
        await self._remote.close()

    def _connection(self, is_connected: bool, words: str) -> None:
        level = logging.INFO if is_connected else logging.WARNING
        log.log(
            level,
            "system '%s': trigger %s %s (%s)",
            self._served.name,
            self._remote.name,
            "connected" if is_connected else "lost",
            words,
        )
        ca.post(self._pvs.CONNECTED, int(is_connected))
        self._set_alarm(is_connected)

    def _set_alarm(self, is_connected: bool) -> None:
        lost = alarm_from(Source.LINK_LOST, f"{self._remote.name} is lost")
        show_alarm(self._pvs.CONNECTED, NO_ALARM if is_connected else lost)

    def _updated(self, update: Update) -> None:
        decide = self._rules.found if update.is_first else self._rules.changed
        missed = self._rules.missed
        put = decide(_plain(update.value), self._served.obstacle())
        self._post_state(missed)
        if put is not None:
            future = self._served.submit(self._pv, put.value)
            future.add_done_callback(functools.partial(self._ended, put))

    def _ended(self, put: Put, future: "asyncio.Future[None]") -> None:
        missed = self._rules.missed
        error = future.exception()  # a CommandError; nobody cancels it
        failure = None if error is None else str(error)
        ran = not isinstance(error, CommandRejected)
        self._rules.ended(put, failure, ran=ran)
        self._post_state(missed)

    def _post_state(self, missed_before: int) -> None:
        rules = self._rules
        if rules.missed != missed_before:
            log.warning("system '%s': trigger %s", self._served.name, rules.error)
        ca.post_if_changed(self._pvs.LAST, fitting(rules.text, self._pvs.LAST))
        ca.post_if_changed(self._pvs.INDEX, rules.index)
        ca.post_if_changed(self._pvs.ERROR, fitting(rules.error, self._pvs.ERROR))
        ca.post_if_changed(self._pvs.FAILED, rules.failed)
        ca.post_if_changed(self._pvs.MISSED, rules.missed)
        ca.post_if_changed(self._pvs.EXECUTED, rules.executed)
        ca.post_if_changed(self._pvs.SEEN, rules.seen)


def _plain(value: bytes | str | float | Sized) -> bytes | str | float:
    """A scalar or text as it is; an array in words that no trigger is read from."""
    if isinstance(value, bytes | str | int | float):
        return value
    return f"an array of {len(value)} elements"
