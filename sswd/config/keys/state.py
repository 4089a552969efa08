"""Keys of what is kept over restarts: `[state]`."""

from typing import Annotated

from msgspec import Meta, Struct


class StateConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where values of PVs with `restore` are saved."""

    directory: Annotated[
        str | None,
        Meta(
            description="directory of the state files, made unless it is there; from "
            "the folder of the TOML file unless it begins with /; $STATE_DIRECTORY, "
            "$XDG_STATE_HOME/sswd or ~/.local/state/sswd unless given"
        ),
    ] = None
