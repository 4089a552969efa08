"""Repeats are counted, not written."""

import logging

from sswd.ioc.ca.loglimit import LimitedLog
from sswd.ratelimit import MAX_KEYS


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_first_at_once_then_one_a_period_with_the_count(caplog):
    clock = Clock()
    log = LimitedLog(logging.getLogger("x"), 10.0, clock)
    assert log.log(logging.WARNING, "a", "bad %d", 1)
    for number in range(5):
        assert not log.log(logging.WARNING, "a", "bad %d", number)
    assert log.log(logging.WARNING, "b", "other")
    clock.now = 10.0
    assert log.log(logging.WARNING, "a", "bad %d", 9)
    assert caplog.messages == ["bad 1", "other", "bad 9 (and 5 more of this kind)"]


def test_keys_are_bounded():
    log = LimitedLog(logging.getLogger("x"), 10.0, Clock())
    for number in range(3 * MAX_KEYS):
        log.log(logging.DEBUG, str(number), "x")
    assert len(log._once) <= MAX_KEYS
