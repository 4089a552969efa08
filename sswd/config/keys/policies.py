"""Keys of a system's policies: its restarts, its commands, its trigger."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from sswd.config.keys.bounds import Seconds


class RestartConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When and how often a worker is started again."""

    delay_s: Annotated[
        Seconds, Meta(description="first delay after a death; doubles each time")
    ] = 0.5
    max_delay_s: Annotated[Seconds, Meta(description="longest delay")] = 30.0
    max_restarts: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(
            description="more deaths than this within window_s make the worker FATAL; "
            "no limit unless given"
        ),
    ] = None
    window_s: Annotated[
        Seconds, Meta(description="the time over which max_restarts counts")
    ] = 60.0
    stall_s: Annotated[
        Seconds, Meta(description="a worker that is silent for so long is STALLED")
    ] = 5.0
    on_stall: Annotated[
        Literal["tell", "restart"],
        Meta(
            description="what to do with a stalled worker: show the alarm only, or "
            "restart it too"
        ),
    ] = "tell"
    start_s: Annotated[
        Seconds | None,
        Meta(
            description="longest time of a start (import, constructor, setup); no "
            "limit unless given"
        ),
    ] = None


class CommandConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How commands wait, expire and are aborted."""

    queue: Annotated[
        int, Meta(ge=1, description="commands that may wait; more are REJECTED")
    ] = 64
    timeout_s: Annotated[
        Seconds | None,
        Meta(
            description="longest time of a command, from its start; then it is ended "
            "with TIMEOUT; no limit unless given"
        ),
    ] = None
    on_restart: Annotated[
        Literal["flush", "keep"],
        Meta(
            description="what happens to waiting commands when the worker is lost: "
            "rejected or kept"
        ),
    ] = "flush"
    on_down: Annotated[
        Literal["reject", "queue"],
        Meta(
            description="what happens to puts while no worker is RUNNING: rejected, or "
            "they wait"
        ),
    ] = "reject"
    abort_s: Annotated[
        tuple[
            Annotated[float, Meta(ge=0, le=3600)],
            Annotated[float, Meta(ge=0, le=3600)],
            Annotated[float, Meta(ge=0, le=3600)],
        ],
        Meta(
            description="time that an abort gives to the flag and abort(), to the "
            "exception, and to SIGTERM before SIGKILL"
        ),
    ] = (1.0, 2.0, 2.0)


class TriggerConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A PV of another IOC, each new value of which makes the system step."""

    pv: Annotated[str, Meta(description="name of the PV, e.g. MASTER:Nested_Indices")]
    key: Annotated[
        str | None,
        Meta(
            description="name whose count is taken from a text such as {'stage': 3}; "
            "the system's name unless given. A number is for every server"
        ),
    ] = None
    busy: Annotated[
        Literal["missed", "queue"],
        Meta(
            description="a trigger that comes while a command runs: count it as "
            "missed, or let it wait its turn"
        ),
    ] = "missed"
    at_connect: Annotated[
        bool,
        Meta(description="also step on the value that the PV has when it connects"),
    ] = False
    put: Annotated[
        str, Meta(description="the PV of the system that the count is put to")
    ] = "INDEX"
    whole: Annotated[
        bool,
        Meta(
            description="put the whole text instead of the count, for old systems that "
            "look for it themselves"
        ),
    ] = False
