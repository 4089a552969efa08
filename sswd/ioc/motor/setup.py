"""First values of a motor's fields, and those that follow from others. Pure."""

from sswd.config.keys.motor import MotorConfig
from sswd.ioc.motor.fields import MotorFields
from sswd.ioc.motor.limits import set_user_limits

# Bits of .MSTA, from motor.h.
_DIRECTION, _DONE, _PLUS_LS, _POSITION = 1 << 0, 1 << 1, 1 << 2, 1 << 5
_AT_HOME, _MOVING, _MINUS_LS = 1 << 7, 1 << 10, 1 << 13


def fields_from(config: MotorConfig) -> MotorFields:
    """The fields before anything is known of the object."""
    resolution = config.resolution or 10.0**-config.precision
    low, high = config.limits or (0.0, 0.0)
    fields = MotorFields(
        OFF=config.offset,
        DIR=int(config.direction == "Neg"),
        DLLM=low,
        DHLM=high,
        TWV=config.tweak,
        RDBD=config.deadband,
        RTRY=config.retries,
        ACCL=config.acceleration_s,
        MRES=resolution,
        ERES=resolution,
        UREV=resolution * 200,
        VMAX=config.max_velocity or 0.0,
        JVEL=config.jog_velocity or config.velocity,
        HVEL=config.velocity,
    )
    follow_velocity(fields, config.velocity)
    set_user_limits(fields)
    show_status(fields, is_moving=False, is_done=False)
    fields.VAL = fields.to_user(0.0)
    return fields


def follow_velocity(fields: MotorFields, velocity: float) -> None:
    """The object's velocity is this one. .VMAX is never below it."""
    fields.VELO = fields.BVEL = velocity
    fields.VMAX = max(fields.VMAX, velocity)
    fields.S = velocity / fields.UREV
    fields.SMAX = fields.VMAX / fields.UREV
    fields.ACCS = velocity / fields.ACCL
    fields.JAR = fields.JVEL / fields.ACCL


def show_status(fields: MotorFields, *, is_moving: bool, is_done: bool) -> None:
    """Readbacks, switches and status words that follow from the dial readback."""
    fields.RBV = fields.to_user(fields.DRBV)
    fields.RRBV = fields.RMP = fields.REP = fields.to_raw(fields.DRBV)
    fields.DIFF = fields.DVAL - fields.DRBV
    fields.RDIF = fields.to_raw(fields.DIFF)
    is_along = fields.sign > 0
    fields.HLS = fields.RHLS if is_along else fields.RLLS
    fields.LLS = fields.RLLS if is_along else fields.RHLS
    fields.MOVN, fields.DMOV = int(is_moving), int(is_done)
    fields.MSTA = (
        fields.TDIR * _DIRECTION
        | int(not is_moving) * _DONE
        | fields.RHLS * _PLUS_LS
        | fields.CNEN * _POSITION
        | fields.ATHM * _AT_HOME
        | int(is_moving) * _MOVING
        | fields.RLLS * _MINUS_LS
    )
