"""What all parts of one server use: limits, counts, the limited log, running tasks."""

import asyncio
import logging
from typing import Protocol

import caproto

from sswd.access import Granted
from sswd.errors import CommandError, SswdError
from sswd.ioc.ca.limits import Counts, Limits
from sswd.ioc.ca.loglimit import LimitedLog
from sswd.ioc.ca.put_note import Client, PutListener

logger = logging.getLogger(__name__)

READ_SIZE = 64 << 10


class AccessPolicy(Protocol):
    """Who may do what, beside what the PVs themselves allow. Loop thread only."""

    def granted(self, client: Client, name: str, data: object) -> Granted:
        """What the client may do with the PV `data` that it has by this name."""
        ...

    def words(self, client: Client, name: str, data: object) -> str:
        """Why the client may not write it."""
        ...

    def left(self, client: Client) -> None:
        """The client is gone."""
        ...


class Shared:
    """Made by Context; the acceptor, circuits, reaper and beacons are handed it.

    Loop thread only.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.max_payload = limits.max_payload()
        self.counts = Counts()
        self.limited_log = LimitedLog(logger, limits.log_period_s)
        self.buffer = bytearray(READ_SIZE)
        """What a circuit reads into; it is free again when the reader returns."""
        self.port = 0
        """The TCP port, when the server listens."""
        self.on_put: PutListener | None = None
        """Takes the note of each put that has ended; see put_note.py."""
        self.access: AccessPolicy | None = None
        """None: everybody may do what the PVs allow."""
        self.is_rechecking = False
        """The rights that channels know may be old ones: ask again before they count.
        """
        self._tasks: set[asyncio.Task[object]] = set()

    def keep(self, task: asyncio.Task[object]) -> asyncio.Task[object]:
        """Hold a task until it has ended; it is cancelled at the end."""
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return task

    def cancel_tasks(self) -> list[asyncio.Task[object]]:
        """Cancel the tasks that run, which are returned."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        return tasks

    def over_limit(self, client: Client, what: str, limit: int) -> None:
        """Count and log that a client wants more than it may."""
        self.counts.over_limit += 1
        self.limited_log.log(
            logging.WARNING,
            f"limit {what}",
            "client %s@%s:%d wants more than %d %s; refused",
            client.user,
            *client.address,
            limit,
            what,
        )

    def log_failure(
        self, what: str, name: str, client: Client, error: BaseException
    ) -> None:
        """One line for a request that failed; a traceback for what nobody expected.

        None for a command that ended badly: the dispatcher has logged it already.
        """
        if isinstance(error, CommandError):
            return
        expected = isinstance(error, SswdError | caproto.CaprotoError)
        self.limited_log.log(
            logging.WARNING if expected else logging.ERROR,
            f"{what} {name}",
            "%s %s by %s@%s failed: %s: %s",
            what,
            name,
            client.user,
            client.address[0],
            type(error).__name__,
            error,
            exc_info=None if expected else error,
        )

    def log_bad_request(self, client: Client, why: Exception) -> None:
        """A client is disconnected because it broke the protocol."""
        self.limited_log.log(
            logging.WARNING,
            "bad request",
            "client %s@%s:%d disconnected: %s",
            client.user,
            *client.address,
            why,
        )
