"""A put that comes from within the daemon, not from a circuit: converted, ordered and
refused as a client's.

Loop thread only.
"""

import asyncio
from dataclasses import dataclass
from typing import TypeAlias

import caproto
import numpy as np

from sswd.errors import CommandError
from sswd.ioc.ca.caproto_private.data import Data
from sswd.ioc.ca.codec import protocol
from sswd.ioc.ca.put_note import LOCAL, PutListener, fate_of
from sswd.ioc.ca.pv.noted_values import put_note
from sswd.ioc.ca.pv.perform_put import Sent, perform_put
from sswd.ioc.ca.pv.served_pv import ServedPv
from sswd.ioc.ca.shared import AccessPolicy
from sswd.sizes import STRING_BYTES

_Scalar: TypeAlias = bool | int | float | str
LocalValue: TypeAlias = _Scalar | list[_Scalar]
"""A number, a text (of an enum: a state), or an array."""


@dataclass(eq=False)
class LocalClient:
    """Somebody on this host who does not come by Channel Access."""

    user: str | None
    host: str | None
    address: tuple[str, int] = (LOCAL, 0)

    @staticmethod
    def of(who: str) -> "LocalClient":
        """From "user@host"."""
        user, _, host = who.partition("@")
        return LocalClient(user, host)


async def local_put(
    name: str,
    data: Data,
    value: LocalValue,
    client: LocalClient,
    on_put: PutListener | None = None,
    access: AccessPolicy | None = None,
) -> None:
    """Put a value to the PV of this name and return when that has ended.

    `on_put` takes the put's note when it has ended.

    Raises what the putter raises, CommandErrors among it; ValueError for a value that
    does not fit; caproto.Forbidden for a PV that clients may not write.
    """
    sent = _as_from_wire(data, value)
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    note = None
    if on_put is not None:
        who = (LOCAL, client.host or "", client.user or "")
        note = put_note(name, data, sent, who)

    def done(error: BaseException | None) -> None:
        if note is not None and on_put is not None:
            note.ended(*fate_of(error))
            on_put(note)
        if ended.done():
            return
        if error is None:
            ended.set_result(None)
        elif isinstance(error, asyncio.CancelledError):
            ended.set_exception(CommandError("the IOC shuts down"))
        else:
            ended.set_exception(error)

    puts = ServedPv.of(data).puts
    puts.overlap = getattr(data, "puts_overlap", False)

    async def write() -> object:
        _check_right(name, data, client, access)
        return await perform_put(data, sent, client, note)

    puts.add(write, done)
    await ended


def _check_right(
    name: str, data: Data, client: LocalClient, access: AccessPolicy | None
) -> None:
    """Raises caproto.Forbidden in words."""
    if not data.check_access(client.host, client.user) & protocol.WRITE_RIGHT:
        raise caproto.Forbidden("clients may not write it")
    if access is None:
        return
    if not access.granted(client, name, data).rights & protocol.WRITE_RIGHT:
        raise caproto.Forbidden(access.words(client, name, data))


def _as_from_wire(data: Data, value: LocalValue) -> Sent:
    """As `caput` would send it."""
    values = value if isinstance(value, list) else [value]
    if not any(isinstance(each, str) for each in values):
        numbers = np.array(values, dtype=">f8")
        return Sent(protocol.DOUBLE, len(numbers), numbers.tobytes())
    if data.data_type == protocol.CHAR and isinstance(value, str):
        text = value.encode() + b"\0"
        return Sent(protocol.CHAR, len(text), text)
    encoded = [str(each).encode() for each in values]
    if max(map(len, encoded)) > STRING_BYTES:
        raise ValueError(f"a text has {STRING_BYTES} bytes at most")
    body = b"".join(text.ljust(protocol.STRING_SIZE, b"\0") for text in encoded)
    return Sent(protocol.STRING, len(encoded), body)
