"""HUP: the TOML is read again, and what can change while the IOC runs changes.

A thread reads the file, because a disk may be slow. A bad file changes nothing, and no
worker is restarted. Else every worker is restarted with fresh code, those whose keys
have changed with their new keys; what needs a restart of the daemon is told in the log,
to who has asked for it, and by `sswd status`, as is why a file was refused.
Where nothing has changed but who may do what, no worker is restarted either: whoever
edits an access security file does not mean to stop what runs.

Threading model: the loop's own, but for what reads.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sswd.access import Rules
from sswd.config.changes import changed_keys, left, running, taken, without_access
from sswd.config.keys import Config
from sswd.errors import ConfigError
from sswd.ioc.daemon.access import AccessControl
from sswd.ioc.daemon.access_file import check_running
from sswd.ioc.daemon.reading import Readings
from sswd.ioc.supervision.lifecycle import Event
from sswd.ioc.template import Server

log = logging.getLogger("sswd.ioc")

ReadConfig = Callable[[], Config]
"""Reads the configuration again; blocks. Raises ConfigError."""
ONLY_ACCESS = "only access has changed: no worker is restarted"


class Reloaded(NamedTuple):
    """What a reload has led to."""

    refusal: str = ""
    """Why nothing changes, in words."""
    restarts: bool = True
    """Whether the workers are being restarted."""
    waits: tuple[str, ...] = ()
    """Dotted names of the keys that wait for a restart of the daemon."""


class Reloader:
    """Takes the configuration anew, and restarts the workers."""

    def __init__(
        self,
        config: Config | None,
        read: ReadConfig | None,
        servers: Sequence[Server],
        access: AccessControl,
    ) -> None:
        """Without `config` and `read`, only code is taken anew."""
        self._config = config
        self._last_read = config
        """As the file was at the last time; some of it may wait for the daemon."""
        self._read = read
        self._servers = servers
        self._access = access
        self._task: asyncio.Task[None] | None = None
        self._is_wanted = False
        self._readings = Readings()
        self.became = Reloaded()
        """What the last reload has led to."""

    async def reloaded(self) -> Reloaded:
        """Reload, and wait until the file is read."""
        self.reload()
        assert self._task is not None
        await asyncio.wait({self._task})
        return self.became

    def reload(self) -> None:
        """Read and restart; once more at the end if it is under way already."""
        self._is_wanted = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._go())

    async def close(self) -> None:
        """Wait for what is being read no longer."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _go(self) -> None:
        while self._is_wanted:
            self._is_wanted = False
            self.became = await self._take_all()
            if self.became.restarts:
                for server in self._servers:
                    if server.WORKER.feed is not None:
                        server.WORKER.feed(Event.RELOAD)

    async def _take_all(self) -> Reloaded:
        """If the configuration is good, what can change changes."""
        if self._read is None or self._config is None or self._last_read is None:
            return Reloaded()
        try:
            new, rules = await self._readings.result(self._read_all)
        except ConfigError as ex:
            log.error("not reloaded, nothing changes: %s", ex)
            return self._refused(str(ex))
        except Exception as ex:
            log.exception("not reloaded, nothing changes")
            return self._refused(f"{type(ex).__name__}: {ex}")
        before, self._last_read = self._last_read, new
        waits = self._take(self._config, new)
        is_other_acf = self._access.take(self._config, rules)
        if without_access(before) != without_access(new):
            return Reloaded(waits=waits)
        if before == new and not is_other_acf:
            return Reloaded(waits=waits)
        log.info("%s; for fresh code, reload once more", ONLY_ACCESS)
        return Reloaded(restarts=False, waits=waits)

    def _refused(self, words: str) -> Reloaded:
        """What waits since the last good file waits still."""
        refusal = f"not reloaded, nothing changes: {words}"
        return Reloaded(refusal, restarts=False, waits=self.became.waits)

    def _read_all(self) -> "tuple[Config, Rules | None]":
        """The configuration and its access security file; both are good, or neither
        is taken. On the thread that reads. Raises ConfigError."""
        assert self._read is not None
        assert self._config is not None
        config = self._read()
        rules = self._access.read(config)
        check_running(running(self._config, config), rules)
        return config, rules

    def _take(self, old: Config, new: Config) -> tuple[str, ...]:
        """What can change changes. What waits for a restart of the daemon."""
        waits = left(old, new)
        if waits:
            log.warning(
                "changed in the configuration, and waits for a restart of the daemon: "
                "%s",
                ", ".join(waits),
            )
        keys, systems = changed_keys(old, new), taken(old, new)
        if keys:
            log.info("changed with the configuration: %s", ", ".join(keys))
        for server in self._servers:
            if server.system_name in systems:
                server.reconfigure(systems[server.system_name])
        self._config = running(old, new)
        return tuple(waits)
