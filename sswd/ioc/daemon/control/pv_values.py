"""Values of PVs through the control socket: get, watch, call.

Threading model: the loop's own.
"""

import asyncio
import functools
import json
import logging
import math
import time
from collections.abc import AsyncGenerator, Sequence

import caproto
import msgspec
import numpy as np

from sswd.alarm import Severity, Status
from sswd.control.protocol import Answer, Call, End, Get, Refused, Value, Watch
from sswd.errors import SswdError
from sswd.ioc import ca
from sswd.ioc.ca import Data
from sswd.ioc.daemon.control.api import DaemonApi

log = logging.getLogger("sswd.ioc")


def get(api: DaemonApi, request: Get) -> Sequence[Answer]:
    """The value of each. Raises Refused when one is not served."""
    found = {pv: _find(api, pv) for pv in request.pvs}
    return [_value(pv, data, request.elements) for pv, data in found.items()]


async def watch(api: DaemonApi, request: Watch) -> AsyncGenerator[Answer, None]:
    """Each value, and the newest one after each change. For ever."""
    found = {pv: _find(api, pv) for pv in request.pvs}
    changed: dict[str, None] = dict.fromkeys(found)
    news = asyncio.Event()
    news.set()

    def changed_now(pv: str) -> None:
        changed[pv] = None
        news.set()

    listening = [
        ca.Listening(data, functools.partial(changed_now, pv))
        for pv, data in found.items()
    ]
    try:
        while await news.wait():
            news.clear()
            todo = list(changed)
            changed.clear()
            for pv in todo:
                yield _value(pv, found[pv], request.elements)
    finally:
        for each in listening:
            each.close()


async def call(api: DaemonApi, request: Call, who: str) -> Sequence[Answer]:
    """Put, wait for the end. Raises Refused with the words of what failed."""
    data = _find(api, request.pv)
    began_s = time.monotonic()
    try:
        on_put = api.context.put_listener
        client = ca.LocalClient.of(who)
        access = api.access
        value = _of_array(data, request.value)
        await ca.local_put(request.pv, data, value, client, on_put, access)
    except caproto.Forbidden as ex:
        raise Refused(f"{request.pv}: {ex}") from ex
    except OverflowError as ex:
        raise Refused(f"{request.pv}: the number is too large", "failed") from ex
    except (SswdError, caproto.CaprotoError, OSError, ValueError, TypeError) as ex:
        words = str(ex) or type(ex).__name__  # a TimeoutError may have none
        raise Refused(f"{request.pv}: {words}", "failed") from ex
    return [End(words=f"{request.pv}: done in {time.monotonic() - began_s:.3g} s")]


def _of_array(data: Data, value: ca.LocalValue) -> ca.LocalValue:
    """The value; for an array the elements of a text such as "[1, 2]".

    Raises ValueError for what is no JSON array of numbers and texts.
    """
    is_text = data.data_type == caproto.ChannelType.CHAR or data.max_length == 1
    if is_text or not isinstance(value, str) or not value.startswith("["):
        return value
    try:
        return msgspec.convert(json.loads(value), list[bool | int | float | str])
    except ValueError as error:  # of both
        raise ValueError(f"{value!r} is no JSON array: {error}") from None


def _find(api: DaemonApi, pv: str) -> Data:
    found = ca.find(api.pvdb, pv)
    if found is None:
        raise Refused(f"there is no PV {pv!r} in this daemon", "not found")
    return found.data


def _value(pv: str, data: Data, elements: int) -> Value:
    value, status, severity, stamp_s = ca.newest(data)
    strings = ca.enum_strings(data)
    count = 1
    if isinstance(value, np.ndarray | list | tuple | bytes):
        count = len(value)
        value = [_plain(each) for each in value[:elements]]
        if data.max_length == 1 and count == 1:
            [value] = value
    elif strings and isinstance(value, int) and value < len(strings):
        value = strings[value]
    return Value(
        pv=pv,
        value=_plain(value),
        count=count,
        severity=Severity(severity).name,
        status=Status(status).name,
        message=ca.alarm_words(data),
        time=stamp_s,
        units=_units(data),
    )


def _plain(value: object) -> object:
    """As JSON can say it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return value


def _units(data: Data) -> str:
    units = getattr(data, "units", "") or ""
    return units.decode(errors="replace") if isinstance(units, bytes) else str(units)
