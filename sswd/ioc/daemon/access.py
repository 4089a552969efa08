"""Who may do what: the access security file and the locks, asked by circuits.

A circuit asks when a channel is created, and again when rules, inputs or a lock have
changed; a put costs one look at what was answered.

Threading model: the loop's own. `read` runs on the thread that reads configurations.
"""

import asyncio
import functools
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from sswd.access import READ, WRITE, Granted, Rules, Who
from sswd.config.keys import Config, PvConfig
from sswd.config.names import STATISTICS_PREFIX
from sswd.ioc import ca
from sswd.ioc.client.followed_pv import FollowedPv
from sswd.ioc.client.remote_pv import Update
from sswd.ioc.daemon.access_file import missing_group, read_rules
from sswd.ioc.daemon.host_addresses import HostAddresses
from sswd.ioc.system import lock
from sswd.ioc.template import Server
from sswd.ratelimit import OncePerKey

log = logging.getLogger("sswd.ioc")

CONTROL, UNLOCK = "CONTROL", "UNLOCK"
"""ASGs of the control socket, and of those who may break a lock."""
OF_THEIR_OWN = {
    "ABORT": "ABORT",
    lock.PV: "LOCK",
    "WORKER:RESTART": "RESTART",
    "WORKER:START": "START",
    "WORKER:STOP": "STOP",
}
"""PVs that are members of an ASG of this name where the file has one."""
LOCALHOST = "127.0.0.1"
INVALID = 3
AGAIN_S = 15.0
"""So often hosts are asked for again that have no address."""
MAX_TOLD = 100
"""PVs whose group is missing, in the log."""
_ALL = Granted(READ | WRITE, traps=True)


class AccessControl:
    """Answers for all systems of one daemon: a `ca` AccessPolicy."""

    def __init__(
        self,
        config: Config,
        folder: Path,
        servers: Sequence[Server],
        pvdb: Mapping[str, ca.Data],
    ) -> None:
        """Reads the file. Raises ConfigError."""
        self._config = config
        self._folder = folder
        self._servers = sorted(  # the longest prefix first
            servers,
            key=lambda server: len(config.prefix_of(server.system_name)),
            reverse=True,
        )
        self._pvdb = pvdb
        self._hosts = HostAddresses()
        self._again: asyncio.TimerHandle | None = None
        self._rules = self.read(config)
        self._inputs: list[FollowedPv] = []
        self._context: ca.Context | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._asgs: set[str] = set()
        """PVs that say one themselves, by their whole names."""
        self._missing = OncePerKey(MAX_TOLD)
        for server in servers:
            server.on_declared = functools.partial(self._declared, server.prefix)
            lock_of(server).system = server.system_name
            lock_of(server).may_break = self._may_break

    @property
    def file(self) -> str:
        """The file in use; empty: there is none."""
        name = self._config.access.file
        return "" if name is None else str(self._folder / name)

    @property
    def unknown_hosts(self) -> list[str]:
        """Hosts of HAGs whose clients are nobody: they have no address yet."""
        return [] if self._rules is None else self._rules.unknown

    # -- life

    def start(self, context: ca.Context) -> None:
        """Answer to the circuits of `context`, and follow the inputs."""
        self._context = context
        self._take_over()
        context.use_access(self)

    def read(self, config: Config) -> Rules | None:
        """The rules of a configuration. Blocks. Raises ConfigError."""
        return read_rules(config, self._folder, self._hosts)

    def take(self, config: Config, rules: Rules | None) -> bool:
        """Go by other rules from now on; clients are told what changes for them.

        Whether the file says anything else than before.
        """
        before, self._config, self._rules = self._rules, config, rules
        self._take_over()
        if rules is not None:
            log.info("access: %s is in use", self.file)
            self._missing.clear()
            for pv in sorted(self._asgs):
                self._tell_missing(pv, self._asg_of(pv, self._server_of(pv)))
        self._changed()
        acfs = [None if each is None else each.acf for each in (before, rules)]
        return acfs[0] != acfs[1]

    async def close(self) -> None:
        """Follow no input, count no lock's time."""
        for server in self._servers:
            lock_of(server).close()
        if self._again is not None:
            self._again.cancel()
        inputs, self._inputs = self._inputs, []
        await asyncio.gather(*(each.close() for each in inputs))
        if self._closing:
            await asyncio.wait(self._closing)

    def _take_over(self) -> None:
        for server in self._servers:
            lock_of(server).lock_s = self._config.access.lock_s
            lock_of(server).on_change = self._changed
        for each in self._inputs:
            task = asyncio.get_running_loop().create_task(each.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        self._inputs = []
        self._look_later()
        if self._rules is not None:
            for group, asg in self._rules.acf.groups.items():
                for letter, pv in asg.inputs.items():
                    self._follow(self._rules, group, letter, pv)

    def _look_later(self) -> None:
        """Look AGAIN_S from now whether unknown hosts have got an address."""
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if self.unknown_hosts:
            loop = asyncio.get_running_loop()
            self._again = loop.call_later(AGAIN_S, self._look_again)

    def _look_again(self) -> None:
        """Take what DNS has answered; ask again for what it has not."""
        rules = self._rules
        assert rules is not None
        came = False
        for host, answer in self._hosts.answers(rules.unknown).items():
            if not isinstance(answer, str):
                log.info("access: %r has an address now: its clients count", host)
                rules.learn(host, answer)
                came = True
        if came:
            self._changed()
        self._hosts.ask(rules.unknown)
        self._look_later()

    def _changed(self) -> None:
        if self._context is not None:
            self._context.access_changed()

    # -- what circuits ask

    def granted(self, client: ca.Client, name: str, data: Any) -> Granted:
        """What a client may do with a PV or field."""
        record, field = _record_and_field(name, data)
        server = self._server_of(record)
        granted = self._by_rules(client, record, field, server)
        if server is None or not lock_of(server).blocks(client):
            return granted
        is_lock = record == server.prefix + lock.PV
        if is_lock and not field and self._may_break(client):
            return granted
        return Granted(granted.rights & ~WRITE, granted.traps)

    def words(self, client: ca.Client, name: str, data: Any) -> str:
        """Why it may not write."""
        record, field = _record_and_field(name, data)
        server = self._server_of(record)
        if self._by_rules(client, record, field, server).rights & WRITE:
            return "" if server is None else lock_of(server).words
        who = self._who(client)
        asg = self._asg_of(record, server)
        return f"ASG({asg}) gives {who.user}@{who.host} no right to write"

    def left(self, client: ca.Client) -> None:
        """A client is gone."""
        for server in self._servers:
            lock_of(server).left(client)

    def control(self, user: str) -> Granted:
        """What a user may do at the control socket; all, but for an ASG(CONTROL)."""
        rules = self._rules
        if rules is None or CONTROL not in rules.acf.groups:
            return _ALL
        return rules.granted(CONTROL, 0, Who(user, LOCALHOST))

    # -- rules

    def _by_rules(
        self, client: ca.Client, record: str, field: str, server: Server | None
    ) -> Granted:
        rules = self._rules
        if rules is None or isinstance(client, ca.LocalClient):
            return _ALL
        level = 1 if field and field != "VAL" else 0
        asg = self._asg_of(record, server)
        granted = rules.granted(asg, level, self._who(client))
        if rules.acf.traps:
            return granted
        return Granted(granted.rights, traps=True)  # a file that says nothing of it

    def _who(self, client: ca.Client) -> Who:
        is_named = self._config.access.hosts == "name"
        host = client.host or "" if is_named else client.address[0]
        return Who(client.user or "", host)

    def _may_break(self, client: ca.Client) -> bool:
        if isinstance(client, ca.LocalClient):
            return True
        rules = self._rules
        if rules is None or UNLOCK not in rules.acf.groups:
            return False
        return bool(rules.granted(UNLOCK, 0, self._who(client)).rights & WRITE)

    def _server_of(self, record: str) -> Server | None:
        """The system that a PV belongs to; None: it tells of the daemon."""
        if record.startswith(self._config.prefix + STATISTICS_PREFIX):
            return None
        for server in self._servers:
            if record.startswith(self._config.prefix_of(server.system_name)):
                return server
        return None

    def _asg_of(self, record: str, server: Server | None) -> str:
        rules = self._rules
        assert rules is not None
        if server is None:
            return self._config.access.asg
        pv = record.removeprefix(server.prefix)
        own = OF_THEIR_OWN.get(pv)
        if own is not None and own in rules.acf.groups:
            return own
        system = self._config.system[server.system_name]
        served = server.served
        declared = system.pvs.get(pv) if served is None else served.config_of(pv)
        keys = declared or system.motors.get(pv)
        asg = None if keys is None else keys.asg
        return asg or system.asg or self._config.access.asg

    def _declared(self, prefix: str, pv: str, keys: PvConfig) -> None:
        """A declared PV is served now."""
        if keys.asg is not None:
            self._asgs.add(prefix + pv)
            self._tell_missing(prefix + pv, keys.asg)

    def _tell_missing(self, pv: str, asg: str) -> None:
        words = ""
        if self._rules is not None:
            words = missing_group(self._rules.acf, self.file, pv, asg)
        if words and self._missing.is_new(pv):
            log.warning("access: %s", words)

    # -- inputs

    def _follow(self, rules: Rules, group: str, letter: int, pv: str) -> None:
        def find(name: str) -> ca.Data | None:
            found = ca.find(self._pvdb, name)
            return None if found is None else found.data

        followed = FollowedPv(
            pv,
            find,
            functools.partial(self._updated, rules, group, letter),
            functools.partial(self._lost, rules, group, letter, pv),
        )
        self._inputs.append(followed)
        followed.start()

    def _updated(self, rules: Rules, group: str, letter: int, update: Update) -> None:
        value = None if update.severity == INVALID else _number(update.value)
        if rules.set_input(group, letter, value) and rules is self._rules:
            self._changed()

    def _lost(self, rules: Rules, group: str, letter: int, pv: str, words: str) -> None:
        name = f"INP{chr(ord('A') + letter)}"
        text = "access: %s(%s) of ASG(%s): %s; rules with it do not apply"
        log.warning(text, name, pv, group, words)
        if rules.set_input(group, letter, None) and rules is self._rules:
            self._changed()


def lock_of(server: Server) -> lock.Lock:
    """Who alone may write to a system."""
    return cast("lock.Lock", server.LOCKING.lock)


def _record_and_field(name: str, data: Any) -> tuple[str, str]:
    """The record by its own name, also where an alias was asked for; and the field."""
    alias, _, rest = name.partition(".")
    field = rest.partition("{")[0].partition("[")[0].removesuffix("$")
    record = str(getattr(data, "pvname", "") or alias).partition(".")[0]
    return record, field


def _number(value: Any) -> float | None:
    """As EPICS base takes it: a double. None: it is none."""
    if isinstance(value, list | tuple | np.ndarray):
        value = np.ravel(value)[0] if len(value) else None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return None if math.isnan(number) else number
