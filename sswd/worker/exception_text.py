"""Exceptions as text, whatever their own code does when it is asked.

A `__str__` may raise anything, a SyntaxError may hold what the traceback module cannot
format. That is no excuse for the worker to die, nor to keep silent.
"""

import contextlib
import linecache
import socket
import traceback

MAX_MESSAGE = 4_000  # characters of an exception's words; the rest is cut off
MAX_TRACE = 16_000  # characters of a traceback; its start is cut off
_FRAMES = -30


def message_of(ex: BaseException) -> str:
    """The words of an exception. Never raises."""
    try:
        return (str.__str__(str(ex)) + _address_of(ex))[:MAX_MESSAGE]
    except BaseException as broken:  # noqa: BLE001 (firewall around user code)
        return f"(its message cannot be had: {type(broken).__name__})"


def _address_of(ex: BaseException) -> str:
    """To where a connection failed, which the OSErrors of Python's sockets do not say.

    `socket.create_connection` has it; of a bare `connect`, the driver's line is told.
    """
    if not isinstance(ex, OSError) or ex.filename is not None or "('" in str(ex):
        return ""
    if not isinstance(ex, ConnectionError | TimeoutError | socket.gaierror):
        return ""
    line = None
    for frame, number in traceback.walk_tb(ex.__traceback__):
        code = frame.f_code
        if code.co_name == "create_connection" and code.co_filename == socket.__file__:
            host, port = frame.f_locals["address"][:2]
            return f" (connecting to {host}:{port})"
        line = linecache.getline(code.co_filename, number).strip()
    return f" (in {line})" if line and ".connect(" in line else ""


def trace_of(ex: BaseException | None) -> str:
    """Its traceback with those of its causes, the last frames. Never raises."""
    if ex is None:
        return ""
    try:
        text = "".join(traceback.format_exception(ex, limit=_FRAMES))
    except BaseException as broken:  # noqa: BLE001 (firewall around user code)
        text = _plain_trace(ex, broken)
    return text[-MAX_TRACE:]


def repr_of(value: object) -> str:
    """`repr(value)`, or its type where there is none to be had. Never raises."""
    try:
        return str.__str__(repr(value))
    except BaseException:  # noqa: BLE001 (firewall around user code)
        return f"<{type(value).__name__}>"


def _plain_trace(ex: BaseException, broken: BaseException) -> str:
    """Frames and message only; the traceback module could not format the rest."""
    frames = ""
    with contextlib.suppress(Exception):  # sources that a driver's own loader has
        frames = "".join(traceback.format_tb(ex.__traceback__, limit=_FRAMES))
    return (
        f"Traceback (most recent call last):\n{frames}"
        f"{type(ex).__name__}: {message_of(ex)}\n"
        f"(it cannot be formatted: {type(broken).__name__})\n"
    )
