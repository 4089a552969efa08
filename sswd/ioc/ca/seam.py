"""The one place that touches caproto's private internals, typed for the rest.

Everything here was read in caproto 1.3.0; tests/unit/ca/test_seam.py fails when a new
caproto moves it. No other module of sswd.ioc.ca names a private attribute of caproto.
"""

from collections.abc import Coroutine
from typing import Any, Protocol, cast


class Data(Protocol):
    """The part of caproto's ChannelData (and PvpropertyData) that this package uses."""

    data_type: int
    max_length: int
    string_encoding: str | None

    def write(
        self, value: object, *, verify_value: bool = True, **metadata: object
    ) -> Coroutine[Any, Any, None]: ...

    def auth_write(  # noqa: PLR0913 - caproto's signature
        self,
        hostname: str | None,
        username: str | None,
        data: object,
        data_type: object,
        metadata: object,
        *,
        flags: int = 0,
        user_address: tuple[str, int] | None = None,
    ) -> Coroutine[Any, Any, object]: ...


class Alarm(Protocol):
    """The part of caproto's ChannelAlarm that this package uses."""

    status: int
    severity: int

    def write(
        self, *, status: int | None = None, severity: int | None = None
    ) -> Coroutine[Any, Any, None]: ...


def raw(data: Data) -> dict[str, Any]:
    """caproto's own store of value, timestamp and metadata, to use in place."""
    return cast("dict[str, Any]", data._data)  # type: ignore[attr-defined]  # noqa: SLF001


def alarm_of(data: Data) -> Alarm:
    """The alarm of a PV; several PVs of a group may share one."""
    return cast("Alarm", data.alarm)  # type: ignore[attr-defined]


def field(data: Data, name: str) -> Data | None:
    """The record field `name`, or None when the PV has no such field."""
    fields = getattr(data, "fields", None) or {}
    return cast("Data | None", fields.get(name))


def name_of(data: Data) -> str:
    """The PV name for logs; fields and bare ChannelData have none."""
    return str(getattr(data, "pvname", None) or type(data).__name__)
