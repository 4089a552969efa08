"""The IOC side of sswd: the only place where caproto appears. Public: `Server`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sswd.ioc.template import Server

__all__ = ["Server"]


def __getattr__(name: str) -> "type[Server]":
    if name == "Server":
        from sswd.ioc.template import Server

        return Server
    raise AttributeError(f"module 'sswd.ioc' has no attribute {name!r}")
