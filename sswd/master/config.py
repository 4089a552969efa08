"""The master's configuration: TOML to structs."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from sswd.errors import ConfigError

Way = Literal["put", "trigger"]


class ServerConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One server that is stepped."""

    prefix: str
    """Of its PVs: a SequenceSystem's, or of whatever has the same."""


class MasterConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One master."""

    server: Annotated[dict[str, ServerConfig], Meta(min_length=1)]
    """The servers by the names that they have in Nested_Indices, outermost loop
    first."""
    prefix: str = "MASTER:"
    way: Way = "put"
    """How servers are stepped: a put with callback to INDEX, or Nested_Indices, which
    they must watch (`[system.NAME.trigger]`)."""
    period_s: Annotated[float, Meta(ge=0)] = 0.0
    """From point to point at least; a PV too."""
    repeat: Annotated[int, Meta(ge=1)] = 1
    """How often to go through all loops; a PV too."""


def load(path: Path) -> MasterConfig:
    """The configuration in the TOML file at `path`.

    Raises ConfigError, whose text names the file and the key, if the file cannot be
    read, is no TOML, or has an unknown key or a wrong value. Any thread.
    """
    try:
        table = tomllib.loads(path.read_text())
        return msgspec.convert(table, MasterConfig)
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as ex:
        raise ConfigError(f"{path}: {ex}") from None
