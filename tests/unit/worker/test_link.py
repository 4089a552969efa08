"""The state of a link: every way into FAILING and LOST, and back."""

import pytest

from sswd.pipe.protocol import LinkPhase
from sswd.worker.link import COMMAND, CONNECT, LONGEST_PAUSE_S, Link, Step
from sswd.worker.link_errors import Kind, kind_of

OK, FAILING, LOST = LinkPhase


def link(*, connect=True, ping=False, restart_after=None):
    return Link(has_connect=connect, has_ping=ping, restart_after=restart_after)


def test_one_failure_is_failing_and_the_next_success_is_ok():
    one = link()
    one.failed("read", "ValueError: x", Kind.OTHER, 1.0)
    assert one.told == (FAILING, "read: ValueError: x", False, False)
    assert one.since_s == 1.0
    assert one.step(1.0) is None
    one.worked("read")
    assert one.told == (OK, "", False, False)
    assert one.since_s is None


def test_another_method_does_not_make_it_ok():
    one = link()
    one.failed("read", "x", Kind.OTHER, 1.0)
    one.worked("clock")
    assert one.told.phase is FAILING


@pytest.mark.parametrize(("kind", "in_doubt"), [(Kind.OTHER, False), (Kind.LINK, True)])
def test_the_second_failure_in_a_row_reconnects(kind, in_doubt):
    one = link()
    one.failed("read", "x", kind, 1.0)
    assert one.told.is_in_doubt is in_doubt
    assert one.step(1.0) is None
    one.failed("read", "x", kind, 1.5)
    assert one.step(1.5) is Step.RECONNECT


def test_a_closed_connection_reconnects_at_once():
    one = link()
    one.failed("read", "x", Kind.CUT, 1.0)
    assert one.step(1.0) is Step.RECONNECT
    one.reconnecting()
    assert one.told.phase is LOST
    assert one.is_down
    one.connected()
    assert one.told[:3] == (LOST, "read: x", False)  # what setup posts is good
    one.is_up(2.0)
    assert one.told == (OK, "", False, False)


def test_pauses_double_up_to_the_longest():
    one = link()
    one.failed("read", "x", Kind.CUT, 0.0)
    now_s, pauses = 0.0, []
    for _ in range(9):
        assert one.step(now_s) is Step.RECONNECT
        one.reconnecting()
        one.connect_failed(CONNECT, "refused", now_s)
        assert one.told.phase is LOST
        due_s = one.due_s()
        pauses.append(due_s - now_s)
        assert one.step(due_s - 0.01) is None
        now_s = due_s
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses[-1] == LONGEST_PAUSE_S


def test_reconnecting_that_does_not_help_is_no_tight_loop():
    one = link()
    now_s, tries = 0.0, []
    while now_s < 100.0:
        one.failed("read", "x", Kind.CUT, now_s)
        if one.step(now_s) is Step.RECONNECT:
            tries.append(now_s)
            one.reconnecting()
            one.connected()
            one.is_up(now_s)
        now_s += 0.1
    assert 5 < len(tries) < 15, tries


def test_with_ping_ping_decides():
    one = link(ping=True)
    one.failed("read", "x", Kind.LINK, 1.0)
    assert one.step(1.0) is Step.PING
    assert one.told.is_in_doubt
    one.ping_worked(1.1)
    assert one.told[:3] == (FAILING, "read: x", False)
    one.worked("read")
    assert one.told.phase is OK
    one.ping_failed("TimeoutError: t", 2.0)
    assert one.told == (LOST, "ping: TimeoutError: t", True, False)
    assert one.step(2.0) is Step.RECONNECT


def test_a_ping_that_works_again_leaves_what_other_methods_say():
    one = link(connect=False, ping=True, restart_after=2)
    one.failed("read", "x", Kind.OTHER, 1.0)
    one.ping_failed("y", 1.5)
    one.ping_failed("y", 2.0)
    assert one.told == (LOST, "ping: y", True, True)
    one.ping_worked(3.0)
    assert one.told[::2] == (FAILING, False)
    assert not one.told.wants_restart
    one.worked("read")
    assert one.told == (OK, "", False, False)


def test_one_more_failing_method_does_not_call_a_restart_off():
    one = link(connect=False, restart_after=2)
    one.failed("read", "x", Kind.OTHER, 1.0)
    one.failed("read", "x", Kind.OTHER, 2.0)
    one.failed("clock", "x", Kind.OTHER, 3.0)
    assert one.told.wants_restart


def test_a_ping_without_connect_is_repeated():
    one = link(connect=False, ping=True)
    one.ping_failed("x", 1.0)
    assert one.told.phase is LOST
    assert not one.is_down  # the @every methods go on
    assert one.step(1.4) is None
    assert one.step(1.5) is Step.PING
    one.ping_worked(1.5)
    assert one.told == (OK, "", False, False)


def test_a_command_counts_only_for_the_link():
    one = link()
    one.failed(COMMAND, "ValueError", Kind.OTHER, 1.0)
    assert one.told.phase is OK
    one.failed(COMMAND, "timeout", Kind.LINK, 1.0)
    assert one.told[:3] == (FAILING, "command: timeout", False)
    one.worked("read")
    assert one.told.phase is OK
    one.failed(COMMAND, "timeout", Kind.LINK, 2.0)
    one.failed(COMMAND, "timeout", Kind.LINK, 3.0)
    assert one.step(3.0) is Step.RECONNECT


def test_restarts_are_asked_for_after_so_many_failures_in_a_row():
    one = link(connect=False, restart_after=3)
    for i in range(2):
        one.failed("read", "x", Kind.CUT, float(i))
    assert not one.told.wants_restart
    one.worked("read")
    for i in range(3):
        assert not one.told.wants_restart
        one.failed("read", "x", Kind.CUT, float(i))
    assert one.told.wants_restart


class VisaIOError(Exception):
    """As pyvisa's, which drivers get without sswd's loading it."""


VisaIOError.__module__ = "pyvisa.errors"


def wrapped(cause: BaseException, *, is_hidden: bool) -> Exception:
    try:
        try:
            raise cause
        except type(cause) as ex:
            raise RuntimeError("the driver's own") from (None if is_hidden else ex)
    except RuntimeError as ex:
        return ex


@pytest.mark.parametrize(
    ("ex", "kind"),
    [
        (OSError(5, "x"), Kind.LINK),
        (TimeoutError(), Kind.LINK),
        (ConnectionResetError(), Kind.CUT),
        (BrokenPipeError(), Kind.CUT),
        (EOFError(), Kind.CUT),
        (VisaIOError(), Kind.LINK),
        (FileNotFoundError(), Kind.OTHER),
        (ValueError(), Kind.OTHER),
        (KeyboardInterrupt(), Kind.OTHER),
        (wrapped(TimeoutError(), is_hidden=False), Kind.LINK),
        (wrapped(EOFError(), is_hidden=True), Kind.CUT),
        (wrapped(KeyError(), is_hidden=False), Kind.OTHER),
    ],
)
def test_kinds_of_exceptions(ex, kind):
    assert kind_of(ex) is kind
