"""A put that comes from within the daemon, not from a circuit: converted, ordered and
refused as a client's.

Loop thread only.
"""

import asyncio
from typing import TypeAlias

import caproto
import numpy as np

from sswd.errors import CommandError
from sswd.ioc.ca.caproto_private.data import Data, dbr_type
from sswd.ioc.ca.codec import protocol, put_values
from sswd.ioc.ca.pv.put_note import (
    CURRENT,
    LOCAL,
    PutListener,
    PutNote,
    fate_of,
    put_note,
)
from sswd.ioc.ca.pv.putter import PUTTER
from sswd.ioc.ca.pv.served_pv import ServedPv
from sswd.sizes import STRING_BYTES

_Scalar: TypeAlias = bool | int | float | str
LocalValue: TypeAlias = _Scalar | list[_Scalar]
"""A number, a text (of an enum: a state), or an array."""


async def local_put(
    name: str,
    data: Data,
    value: LocalValue,
    who: str,
    on_put: PutListener | None = None,
) -> None:
    """Put a value to the PV of this name and return when that has ended.

    `who` is "user@host". `on_put` takes the put's note when it has ended.

    Raises what the putter raises, CommandErrors among it; ValueError for a value that
    does not fit; caproto.Forbidden for a PV that clients may not write.
    """
    dtype, count, body = _as_from_wire(data, value)
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    note = None
    if on_put is not None:
        user, _, host = who.partition("@")
        sent = (dtype, count, body)
        note = put_note(name, data, sent, (LOCAL, host, user))

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
    puts.add(lambda: _write(data, (dtype, count, body), who, note), done)
    await ended


def _as_from_wire(data: Data, value: LocalValue) -> tuple[int, int, bytes]:
    """(DBR type, count, body) as `caput` would send it."""
    values = value if isinstance(value, list) else [value]
    if not any(isinstance(each, str) for each in values):
        numbers = np.array(values, dtype=">f8")
        return protocol.DOUBLE, len(numbers), numbers.tobytes()
    if data.data_type == protocol.CHAR and isinstance(value, str):
        text = value.encode() + b"\0"
        return protocol.CHAR, len(text), text
    encoded = [str(each).encode() for each in values]
    if max(map(len, encoded)) >= STRING_BYTES:
        raise ValueError(f"a text has {STRING_BYTES - 1} bytes at most")
    body = b"".join(text.ljust(STRING_BYTES, b"\0") for text in encoded)
    return protocol.STRING, len(encoded), body


async def _write(
    data: Data, sent: tuple[int, int, bytes], who: str, note: PutNote | None
) -> object:
    PUTTER.set(who)
    CURRENT.set(note)
    dtype, count, body = sent
    user, _, host = who.partition("@")
    if not data.check_access(host, user) & protocol.WRITE_RIGHT:
        raise caproto.Forbidden("clients may not write it")
    try:
        native, values = put_values.values(data, dtype, count, body)
        kind = dbr_type(native, long_string=False)
        return await data.auth_write(host, user, values, kind, None)
    except (CommandError, caproto.Forbidden):
        raise
    except Exception as error:
        refuse = getattr(data, "refuse_put", None)
        if refuse is None:
            raise
        raise refuse(str(error)) from error
