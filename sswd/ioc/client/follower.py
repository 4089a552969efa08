"""A channel that is connected again and again, for ever.

Threading model: everything on one event loop.
"""

import asyncio
import logging
from collections.abc import Callable

import caproto

from sswd.errors import RemoteLost, SswdError
from sswd.ioc.client.search import search
from sswd.ioc.client.session import Hooks, Session, connected

log = logging.getLogger("sswd.ioc")

FIRST_RETRY_S, LONGEST_RETRY_S = 0.05, 5.0


class Follower:
    """Searches, connects and monitors one PV until `close`.

    `on_created(session)` is to subscribe; it is connected with the first event.
    `on_event(session, event)` gets what a monitor brought, `on_connection(is_
    connected, words)` each change. All are called on the loop and must not block.
    """

    def __init__(
        self,
        name: str,
        on_created: Callable[[Session], None],
        on_event: Callable[[Session, caproto.EventAddResponse], None],
        on_connection: Callable[[bool, str], None],
    ) -> None:
        self.name = name
        self.is_connected = False
        self._on_event = on_event
        self._on_connection = on_connection
        self._hooks = Hooks(on_created, self._event)
        self._task: asyncio.Task[None] | None = None
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        """The session there is. Raises RemoteLost when not connected."""
        if self._session is None or not self.is_connected:
            raise RemoteLost(f"{self.name} is not connected")
        return self._session

    def start(self) -> None:
        """Begin to look for the PV."""
        self._task = asyncio.get_running_loop().create_task(self._follow())

    def stop(self) -> None:
        """Disconnect soon, without waiting for it; `close` is to follow."""
        if self._task is not None:
            self._task.cancel()

    async def close(self) -> None:
        """Disconnect. Idempotent."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def _follow(self) -> None:
        delay_s = FIRST_RETRY_S
        while True:
            words = "the server hung up"
            try:
                await self._run_session()
            except (OSError, caproto.CaprotoError, SswdError) as error:
                words = str(error) or type(error).__name__
            except Exception as error:
                # A firewall: these are bytes of a server that may be anything.
                log.exception("%s: the client failed; reconnecting", self.name)
                words = f"{type(error).__name__}: {error}"
            if self.is_connected:
                delay_s = FIRST_RETRY_S
                self._connection_changed(False, words)
            else:
                log.debug("%s: %s", self.name, words)
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, LONGEST_RETRY_S)

    async def _run_session(self) -> None:
        address = await search(self.name)
        async with connected(self.name, address, self._hooks) as (session, reader):
            self._session = session
            try:
                await session.run(reader)
            finally:
                self._session = None

    def _event(self, session: Session, event: caproto.EventAddResponse) -> None:
        if not self.is_connected:
            host, port = session.address
            self._connection_changed(True, f"at {host}:{port}")
        self._on_event(session, event)

    def _connection_changed(self, is_connected: bool, words: str) -> None:
        self.is_connected = is_connected
        self._on_connection(is_connected, words)
