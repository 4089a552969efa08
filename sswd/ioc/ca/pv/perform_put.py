"""Perform one put, a client's or the daemon's own, which is a task of its own.

Loop thread only.
"""

from typing import NamedTuple

import caproto

from sswd.errors import CommandError
from sswd.ioc.ca.caproto_private.data import Data, dbr_type
from sswd.ioc.ca.codec import put_values
from sswd.ioc.ca.put_note import Client, PutNote, put_begins


class Sent(NamedTuple):
    """A value as a client sends it."""

    dtype: int
    """DBR type."""
    elements: int
    body: bytes


async def perform_put(
    data: Data, sent: Sent, client: Client, note: PutNote | None
) -> object:
    """caproto's auth_write: conversion, limits, putter, publication.

    A PV that forwards its puts is told of those that never reach its putter: its
    `refuse_put(words)` returns what is to be raised instead.
    """
    put_begins(client, note)
    host, user, address = client.host, client.user, client.address
    try:
        native, values = put_values.values(data, *sent)
        # Only the value counts: with caproto a client could also set time, alarm, units
        # and limits by putting a TIME or CTRL type. EPICS base ignores them.
        kind = dbr_type(native, long_string=False)
        return await data.auth_write(
            host, user, values, kind, None, user_address=address
        )
    except (CommandError, caproto.Forbidden):
        raise
    except Exception as error:
        refuse = getattr(data, "refuse_put", None)
        if refuse is None:
            raise
        raise refuse(str(error)) from error
