"""Keys of who may do what: `[access]`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from sswd.config.keys.bounds import Seconds


class AccessConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may read and write which PVs, and for how long one may lock a system."""

    file: Annotated[
        str | None,
        Meta(
            description="an EPICS access security file (ACF), from the folder of the "
            "TOML file unless it begins with /; unless given, every client may do "
            "what the PVs allow"
        ),
    ] = None
    macros: Annotated[
        dict[str, str], Meta(description="values of $(NAME) in that file")
    ] = field(default_factory=dict)
    asg: Annotated[
        str,
        Meta(description="access security group of PVs that say nothing else"),
    ] = "DEFAULT"
    hosts: Annotated[
        Literal["address", "name"],
        Meta(
            description="what HAGs are compared with: the address that a client really "
            "has, or what it calls its host, as EPICS base does unless it is told "
            "otherwise (asCheckClientIPAddr)"
        ),
    ] = "address"
    lock_s: Annotated[
        Seconds,
        Meta(description="a LOCK frees itself after this time since its last put"),
    ] = 3600.0
