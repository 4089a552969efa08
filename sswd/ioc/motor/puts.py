"""What a client's put to each field of a motor does. Pure: the record performs.

After special() and do_work() of motorRecord.cc.
"""

import math
from collections.abc import Callable

from sswd.ioc.motor.fields import MotorFields
from sswd.ioc.motor.jobs import Instruction, Refused, Write
from sswd.ioc.motor.limits import set_dial_limits, set_high, set_low
from sswd.ioc.motor.record import MotorRecord, Phase
from sswd.ioc.motor.setup import follow_velocity
from sswd.pipe import motor as commands

Does = list[Instruction]


def put(record: MotorRecord, field: str, value: float) -> Does:
    """What follows. Raises Refused in words; then nothing has changed but .LVIO.

    KeyError for a field that cannot be written.
    """
    if not math.isfinite(value):
        raise Refused(f"{value} is no value for .{field}")
    return _PUTS[field](record, value)


def _val(record: MotorRecord, user: float) -> Does:
    fields = record.fields
    if not fields.SET:
        return record.move_to(fields.to_dial(user))
    if fields.FOFF:
        return record.load(fields.to_dial(user))
    fields.OFF = user - fields.sign * fields.DVAL
    fields.VAL = fields.LVAL = user
    record.redirected()
    return []


def _dval(record: MotorRecord, dial: float) -> Does:
    return record.load(dial) if record.fields.SET else record.move_to(dial)


def _rval(record: MotorRecord, steps: float) -> Does:
    return _dval(record, steps * record.fields.MRES)


def _rlv(record: MotorRecord, by: float) -> Does:
    return _val(record, record.fields.VAL + by)


def _tweak(sign: int) -> Callable[[MotorRecord, float], Does]:
    def tweak(record: MotorRecord, value: float) -> Does:
        fields = record.fields
        return _val(record, fields.VAL + sign * fields.TWV) if value else []

    return tweak


def _home(*, forward: bool) -> Callable[[MotorRecord, float], Does]:
    def home(record: MotorRecord, value: float) -> Does:
        is_on = record.fields.HOMF if forward else record.fields.HOMR
        return record.home(forward=forward) if value and not is_on else []

    return home


def _jog(*, forward: bool) -> Callable[[MotorRecord, float], Does]:
    def jog(record: MotorRecord, value: float) -> Does:
        is_on = record.fields.JOGF if forward else record.fields.JOGR
        if not value:
            return record.stop_jog() if is_on else []
        return [] if is_on else record.jog(forward=forward)

    return jog


def _stop(record: MotorRecord, value: float) -> Does:
    return record.stop() if value else []


def _spmg(record: MotorRecord, value: float) -> Does:
    return record.switch(int(value))


def _sync(record: MotorRecord, value: float) -> Does:
    return record.sync() if value else []


def _off(record: MotorRecord, offset: float) -> Does:
    fields = record.fields
    fields.OFF = offset
    fields.VAL, fields.LVAL = fields.to_user(fields.DVAL), fields.to_user(fields.LDVL)
    record.redirected()
    return []


def _dir(record: MotorRecord, direction: float) -> Does:
    fields = record.fields
    if record.phase not in (Phase.REST, Phase.UNKNOWN):
        raise Refused("its direction cannot be changed while it moves")
    fields.DIR = int(direction)
    if fields.FOFF:
        fields.VAL = fields.LVAL = fields.to_user(fields.DVAL)
    else:
        fields.OFF = fields.VAL - fields.sign * fields.DVAL
    record.redirected()
    return []


def _velo(record: MotorRecord, velocity: float) -> Does:
    if velocity <= 0:
        raise Refused(f"{velocity:g} is no velocity")
    return [Write(commands.VELOCITY, min(velocity, record.max_velocity))]


def _accl(record: MotorRecord, seconds: float) -> Does:
    record.fields.ACCL = seconds if seconds > 0 else 0.1
    follow_velocity(record.fields, record.fields.VELO)
    return []


def _cnen(record: MotorRecord, value: float) -> Does:
    del record
    return [Write(commands.ENABLE, value)]


def _limit(
    setter: Callable[[MotorFields, float], None],
) -> Callable[[MotorRecord, float], Does]:
    def limit(record: MotorRecord, value: float) -> Does:
        setter(record.fields, value)
        return []

    return limit


def _dhlm(fields: MotorFields, high: float) -> None:
    set_dial_limits(fields, fields.DLLM, high)


def _dllm(fields: MotorFields, low: float) -> None:
    set_dial_limits(fields, low, fields.DHLM)


def _keep(
    field: str, kind: type[int] | type[float], low: float = -math.inf
) -> Callable[[MotorRecord, float], Does]:
    """A field that is kept, and no more."""

    def keep(record: MotorRecord, value: float) -> Does:
        setattr(record.fields, field, kind(max(value, low)))
        return []

    return keep


def _constant(field: str, number: int) -> Callable[[MotorRecord, float], Does]:
    def set_to(record: MotorRecord, value: float) -> Does:
        if value:
            setattr(record.fields, field, number)
        return []

    return set_to


def _nothing(_record: MotorRecord, _value: float) -> Does:
    return []


_PUTS: dict[str, Callable[[MotorRecord, float], Does]] = {
    "VAL": _val,
    "DVAL": _dval,
    "RVAL": _rval,
    "RLV": _rlv,
    "TWF": _tweak(1),
    "TWR": _tweak(-1),
    "TWV": _keep("TWV", float),
    "HOMF": _home(forward=True),
    "HOMR": _home(forward=False),
    "JOGF": _jog(forward=True),
    "JOGR": _jog(forward=False),
    "JVEL": _keep("JVEL", float, 0.0),
    "STOP": _stop,
    "SPMG": _spmg,
    "SYNC": _sync,
    "SET": _keep("SET", int),
    "SSET": _constant("SET", 1),
    "SUSE": _constant("SET", 0),
    "FOFF": _keep("FOFF", int),
    "FOF": _constant("FOFF", 1),
    "VOF": _constant("FOFF", 0),
    "OFF": _off,
    "DIR": _dir,
    "HLM": _limit(set_high),
    "LLM": _limit(set_low),
    "DHLM": _limit(_dhlm),
    "DLLM": _limit(_dllm),
    "VELO": _velo,
    "ACCL": _accl,
    "RTRY": _keep("RTRY", int, 0),
    "RDBD": _keep("RDBD", float, 0.0),
    "SPDB": _keep("SPDB", float, 0.0),
    "CNEN": _cnen,
    "STUP": _nothing,
}
