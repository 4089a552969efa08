"""What an exception says of the link to the instrument. Pure."""

from collections.abc import Iterator
from enum import IntEnum

_LENGTH = 10
"""Causes of an exception that are looked at."""
_FILES = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError)
"""OSErrors that speak of a file's name."""


class Kind(IntEnum):
    """How sure it is that the link is to blame."""

    OTHER = 0
    """It may be the driver's mistake, or an answer that makes no sense."""
    LINK = 1
    """No answer, or an error of the transport."""
    CUT = 2
    """The connection is closed: it cannot heal by itself."""


def kind_of(ex: BaseException) -> Kind:
    """OSError, ConnectionError, TimeoutError, EOFError and pyvisa's VisaIOError, also
    where they are the cause of the driver's own exception."""
    return max((_kind(one) for one in _chain(ex)), default=Kind.OTHER)


def _kind(ex: BaseException) -> Kind:
    if isinstance(ex, ConnectionError | EOFError):
        return Kind.CUT
    if isinstance(ex, OSError) and not isinstance(ex, _FILES):
        return Kind.LINK
    return Kind.LINK if _is_visa(type(ex)) else Kind.OTHER


def _is_visa(kind: type) -> bool:
    """By name: a driver that uses no pyvisa shall not have to load it."""
    return any(
        base.__name__ == "VisaIOError" and base.__module__.startswith("pyvisa")
        for base in kind.__mro__
    )


def _chain(ex: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = ex
    for _ in range(_LENGTH):
        if one is None:
            return
        yield one
        one = one.__cause__ or one.__context__
