"""One PV followed for ever, as readings: what `sswd monitor` prints.

Threading model: everything on one event loop.
"""

import asyncio
import contextlib
from collections.abc import Callable

from caproto import ChannelType, EventAddResponse, SubscriptionType

from sswd.errors import RemoteLost
from sswd.ioc.client import environment
from sswd.ioc.client.follower import Follower
from sswd.ioc.client.reading import Reading, read_type, reading, units_of
from sswd.ioc.client.session import Session

_VALUE_AND_ALARM = SubscriptionType.DBE_VALUE | SubscriptionType.DBE_ALARM


class Watch:
    """Calls `on_reading(reading)` and `on_connection(is_connected, words)` on the loop.

    As RemotePv's, neither may block.
    """

    def __init__(
        self,
        name: str,
        on_reading: Callable[[Reading], None],
        on_connection: Callable[[bool, str], None],
        *,
        as_number: bool,
    ) -> None:
        self._on_reading = on_reading
        self._as_number = as_number
        self._units = ""
        self._follower = Follower(name, self._created, self._event, on_connection)

    def start(self) -> None:
        """Begin to look for the PV. Raises NotFoundError: nothing can be searched."""
        environment.check(self._follower.name)
        self._follower.start()

    async def close(self) -> None:
        """Disconnect. Idempotent."""
        await self._follower.close()

    def _created(self, session: Session) -> None:
        if session.native_type in (ChannelType.STRING, ChannelType.ENUM):
            self._subscribe(session)
            return

        def told(units: "asyncio.Future[str]") -> None:
            with contextlib.suppress(RemoteLost):
                self._units = units.result()
                self._subscribe(session)

        session.get("control", 1, taken=units_of).add_done_callback(told)

    def _subscribe(self, session: Session) -> None:
        data_type = read_type(session.native_type, as_number=self._as_number)
        session.subscribe(data_type, _VALUE_AND_ALARM)

    def _event(self, session: Session, event: EventAddResponse) -> None:
        self._on_reading(
            reading(
                session.native_type,
                session.native_count,
                event,
                as_number=self._as_number,
                units=self._units,
            )
        )
