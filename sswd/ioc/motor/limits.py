"""Soft limits of a motor in user and dial units. Pure.

Dial limits that are both 0 are none, as in the motor record.
"""

from sswd.ioc.motor.fields import MotorFields


def set_user_limits(fields: MotorFields) -> None:
    """User and raw limits from those of the dial."""
    ends = sorted((fields.to_user(fields.DLLM), fields.to_user(fields.DHLM)))
    if fields.DLLM > fields.DHLM:
        ends.reverse()
    fields.LLM, fields.HLM = ends
    fields.RLLM, fields.RHLM = fields.DLLM / fields.MRES, fields.DHLM / fields.MRES


def set_dial_limits(fields: MotorFields, low: float, high: float) -> None:
    """New limits in dial units."""
    fields.DLLM, fields.DHLM = low, high
    set_user_limits(fields)
    look(fields)


def set_high(fields: MotorFields, user: float) -> None:
    """A put to .HLM."""
    if fields.sign > 0:
        fields.DHLM = fields.to_dial(user)
    else:
        fields.DLLM = fields.to_dial(user)
    set_user_limits(fields)
    look(fields)


def set_low(fields: MotorFields, user: float) -> None:
    """A put to .LLM."""
    if fields.sign > 0:
        fields.DLLM = fields.to_dial(user)
    else:
        fields.DHLM = fields.to_dial(user)
    set_user_limits(fields)
    look(fields)


def look(fields: MotorFields) -> None:
    """Whether the target violates the limits of now."""
    fields.LVIO = int(bool(violation(fields, fields.DVAL)))


def violation(fields: MotorFields, dial: float) -> str:
    """Why the motor may not go there, in words; "": it may."""
    low, high = fields.DLLM, fields.DHLM
    if low == high == 0.0:
        return ""
    if low > high:
        return f"no position is within the limits: low {low:g} is above high {high:g}"
    if low <= dial <= high:
        return ""
    last = fields.LDVL
    if (dial > high and dial < last) or (dial < low and dial > last):
        return ""  # on the way back from outside
    user = fields.to_user(dial)
    return f"{user:g} is outside the limits {fields.LLM:g} to {fields.HLM:g}"
