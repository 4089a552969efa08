"""Publish a value or an alarm from the system: no putter runs, so nothing echoes."""

from sswd.ioc.ca.seam import Data, alarm_of
from sswd.ioc.ca.start import run_through


def post(data: Data, value: object, timestamp_s: float | None = None) -> None:
    """Make `value` the value of `data` and send it to its subscribers.

    `value` must fit already (dtype, length, enum index or string): the putter does not
    run and limits do not apply; record fields that follow the value do. `timestamp_s`
    is UNIX time, None means now. Loop thread only, under our Context or caproto's.

    Raises caproto's CaprotoValueError for a value that is too long.
    """
    if timestamp_s is None:
        run_through(data.write(value, verify_value=False))
    else:
        run_through(data.write(value, verify_value=False, timestamp=timestamp_s))


def set_alarm(data: Data, status: int, severity: int) -> None:
    """Give `data` this alarm (EPICS AlarmStatus, AlarmSeverity) and tell subscribers.

    An alarm that it has already is not sent again. Loop thread only.
    """
    alarm = alarm_of(data)
    if (alarm.status, alarm.severity) != (status, severity):
        run_through(alarm.write(status=status, severity=severity))
