"""One PV, followed for ever: in this server where it serves it, else on the network.

Threading model: everything on one event loop.
"""

from collections.abc import Callable

from sswd.ioc import ca
from sswd.ioc.client.remote_pv import RemotePv, Update

Find = Callable[[str], ca.Data | None]
"""The PV of this server with a name; None: it has none, or not yet."""


class FollowedPv:
    """Calls `on_update(update)` and `on_lost(words)`, as RemotePv does."""

    def __init__(
        self,
        name: str,
        find: Find,
        on_update: Callable[[Update], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self.name = name
        self._find = find
        self._on_update = on_update
        self._on_lost = on_lost
        self._remote: RemotePv | None = None
        self._local: ca.Listening | None = None

    @property
    def is_local(self) -> bool:
        """Whether it is a PV of this server."""
        return self._local is not None

    def start(self) -> None:
        """Begin to look for it."""
        if not self._follow_here():
            self._remote = RemotePv(
                self.name, self._updated, self._connection, alarms=True
            )
            self._remote.start()

    async def close(self) -> None:
        """Follow it no longer. Idempotent."""
        if self._local is not None:
            self._local.close()
        if self._remote is not None:
            await self._remote.close()

    def _follow_here(self) -> bool:
        data = self._find(self.name)
        if data is None:
            return False

        def changed() -> None:
            value, status, severity, stamp_s = ca.newest(data)
            self._on_update(Update(value, status, severity, False, stamp_s))

        self._local = ca.Listening(data, changed)
        changed()
        return True

    def _updated(self, update: Update) -> None:
        """What the network brings; a PV that we serve by now is followed here."""
        if self._local is not None:
            return
        if update.is_first and self._follow_here():
            if self._remote is not None:
                self._remote.stop()
            return
        self._on_update(update)

    def _connection(self, is_connected: bool, words: str) -> None:
        if not is_connected and self._local is None:
            self._on_lost(words)
