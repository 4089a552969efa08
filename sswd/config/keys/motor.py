"""Keys of one motor: `[system.NAME.motors.MOTOR]`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from sswd.config.keys.bounds import Seconds
from sswd.sizes import DESC_CHARACTERS

Positive = Annotated[float, Meta(gt=0, le=1e300)]
NotNegative = Annotated[float, Meta(ge=0, le=1e300)]


class MotorConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An object of the system that is served as an EPICS motor record."""

    object: Annotated[
        str,
        Meta(
            description='attribute of the system that has move() and position, "." '
            'within it allowed; "self" for the system itself; the name of the motor, '
            "as it is or in lower case, unless given"
        ),
    ] = ""
    units: Annotated[str, Meta(description="engineering units (.EGU)")] = ""
    precision: Annotated[
        int, Meta(ge=0, le=15, description="decimals that displays show (.PREC)")
    ] = 3
    description: Annotated[
        str,
        Meta(
            description=f"what moves; .DESC carries its first {DESC_CHARACTERS} "
            "characters"
        ),
    ] = ""
    limits: Annotated[
        tuple[float, float] | None,
        Meta(
            description="[low, high] of the object's own position (.DLLM, .DHLM); as "
            "its `limits` say unless given, else none"
        ),
    ] = None
    velocity: Annotated[
        Positive,
        Meta(
            description="units/s (.VELO) of an object that has no `velocity`; clients "
            "compute from it how long a move may take"
        ),
    ] = 1.0
    max_velocity: Annotated[
        Positive | None,
        Meta(description="highest that clients may put (.VMAX); no bound unless given"),
    ] = None
    acceleration_s: Annotated[
        Positive, Meta(description="time to reach the velocity (.ACCL)")
    ] = 0.2
    jog_velocity: Annotated[
        Positive | None, Meta(description="units/s (.JVEL); velocity unless given")
    ] = None
    tweak: Annotated[Positive, Meta(description="step of a tweak (.TWV)")] = 1.0
    resolution: Annotated[
        Positive | None,
        Meta(
            description="what one step of .RVAL is (.MRES); the last decimal of "
            "precision unless given"
        ),
    ] = None
    deadband: Annotated[
        NotNegative,
        Meta(
            description="a move that ends farther from its target is repeated, or "
            "sets .MISS (.RDBD); 0: any end is good"
        ),
    ] = 0.0
    retries: Annotated[
        int,
        Meta(ge=0, le=1000, description="how often such a move is repeated (.RTRY)"),
    ] = 0
    direction: Annotated[
        Literal["Pos", "Neg"],
        Meta(description="whether user and dial position run the same way (.DIR)"),
    ] = "Pos"
    offset: Annotated[
        float, Meta(description="user position where the dial position is 0 (.OFF)")
    ] = 0.0
    poll_s: Annotated[
        Seconds, Meta(description="time between two readings while it moves")
    ] = 0.1
    idle_poll_s: Annotated[
        Seconds, Meta(description="time between two readings while it rests")
    ] = 1.0
    poll_beside: Annotated[
        bool,
        Meta(
            description="read the position on a thread beside, so that it follows "
            "during a move() that blocks; false for a driver that bears one thread"
        ),
    ] = True
    timeout_s: Annotated[
        Seconds | None,
        Meta(
            description="longest time of a move; as the system's command.timeout_s "
            "unless given"
        ),
    ] = None
    restore: Annotated[
        bool,
        Meta(
            description="whether .OFF, .DIR, .FOFF and the soft limits that clients "
            "have put come back after a restart of the IOC, while what they were put "
            "for says the same: the configuration, or the limits of the object"
        ),
    ] = True
    asg: Annotated[
        str | None,
        Meta(description="access security group; the system's unless given"),
    ] = None
