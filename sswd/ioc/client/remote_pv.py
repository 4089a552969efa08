"""One PV of another IOC, followed for ever: sswd's own Channel Access client.

The messages are caproto's, the loop around them is not. Measured with caproto 1.3.0:
its asyncio client never comes back to a server that was frozen for longer than
EPICS_CA_CONN_TMO, not even when that server is restarted, and leaves tasks behind when
it is closed; its threading client brings ten threads, tells nothing of a frozen server
and needs up to 8 s to find a restarted one. tests/system/test_remote.py does all that
to this one.

Threading model: everything on one event loop.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import caproto
from caproto import ChannelType, SubscriptionType

from sswd.ioc.client.follower import Follower
from sswd.ioc.client.reading import Response
from sswd.ioc.client.session import PutAnswer, Session

_VALUE_AND_ALARM = SubscriptionType.DBE_VALUE | SubscriptionType.DBE_ALARM


@dataclass(frozen=True, slots=True)
class Update:
    """What a monitor brought."""

    value: Any
    """bytes of a string or char array, without what follows the first NUL; a number
    (an enum's is its index); or a numpy array."""
    status: int
    severity: int
    is_first: bool
    """The value that was found at connecting, not a change."""
    stamp_s: float = 0.0
    """The server's time stamp, in s since 1970."""


class RemotePv:
    """Monitors one PV, and puts to it. Reconnects for ever.

    `on_update(update)` and `on_connection(is_connected, words)` are called on the loop
    and must not block. A server sends the newest value when a client is too slow for
    all of them: monitors say what is, they do not count.
    """

    def __init__(
        self,
        name: str,
        on_update: Callable[[Update], None],
        on_connection: Callable[[bool, str], None],
        *,
        alarms: bool = False,
    ) -> None:
        """`alarms`: have updates also when only the alarm changes."""
        self.name = name
        self._on_update = on_update
        self._mask = _VALUE_AND_ALARM if alarms else SubscriptionType.DBE_VALUE
        self._is_first = True
        self._follower = Follower(name, self._created, self._event, on_connection)

    @property
    def is_connected(self) -> bool:
        """Whether a value has come and the server is there since."""
        return self._follower.is_connected

    def start(self) -> None:
        """Begin to look for the PV."""
        self._follower.start()

    def stop(self) -> None:
        """Disconnect soon, without waiting for it; `close` is to follow."""
        self._follower.stop()

    async def close(self) -> None:
        """Disconnect. Idempotent."""
        await self._follower.close()

    def put(self, value: bytes | float) -> "asyncio.Future[bool]":
        """Put with callback: True when the server has done it, False if it failed.

        The future raises RemoteLost if the server is lost before it answers: nobody
        knows then what became of the put. Raises RemoteLost when not connected.
        """
        session = self._follower.session
        is_text = session.native_type == ChannelType.STRING
        is_chars = isinstance(value, bytes) and not is_text
        return session.put(value if is_chars else [value], taken=_is_done)

    def get(self) -> "asyncio.Future[Any]":
        """The value that the server has now; as `Update.value`.

        The future raises RemoteLost if the server is lost before it answers, or cannot
        give it. Raises RemoteLost when not connected.
        """
        return self._follower.session.get(taken=_value)

    def _created(self, session: Session) -> None:
        self._is_first = True
        session.subscribe("time", self._mask)

    def _event(self, _session: Session, event: caproto.EventAddResponse) -> None:
        is_first, self._is_first = self._is_first, False
        metadata = event.metadata
        self._on_update(
            Update(
                _value(event),
                int(metadata.status),
                int(metadata.severity),
                is_first,
                float(metadata.timestamp),
            )
        )


def _is_done(answer: PutAnswer) -> bool:
    return answer.is_done


def _value(command: Response) -> Any:
    data = command.data
    native = caproto.native_type(command.data_type)
    if native == ChannelType.CHAR:
        return bytes(data).partition(b"\0")[0]
    if len(data) != 1:
        return data
    if native == ChannelType.STRING:
        return bytes(data[0]).partition(b"\0")[0]
    return data[0].item()
