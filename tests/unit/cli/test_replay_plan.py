"""Which puts of a file are put again, where, and what cannot be."""

import json

import pytest

from sswd.cli.replay_plan import (
    BadLedger,
    Step,
    came_from,
    ended,
    moved,
    of_system,
    old_prefix,
    steps,
    wait_s,
)
from sswd.ioc.ca import LOCAL, PutNote
from sswd.ioc.daemon.audit_lines import Merged, line_of


def audit(pv: str, new: object, fate: str = "DONE", **more: object) -> str:
    line = {"date": "2026-01-31", "time": "12:00:00.500", "pv": pv, "new": new}
    return json.dumps({**line, "fate": fate, **more})


def ledger(value: str, state: str = "DONE", system: str = "stage") -> str:
    line = {"kind": "command", "system": system, "prefix": "L:", "id": 1, "pv": "CMD"}
    return json.dumps({**line, "value": value, "at": 7.0, "state": state})


def planned(*lines: str) -> list[Step]:
    return steps(lines)


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (2.5, ["2.5"]),
        (3, ["3"]),
        ("move(1)", ["move(1)"]),
        ([1, 2.5], ["1", "2.5"]),
        (["a b", "c"], ["a b", "c"]),
        ("Nan", ["Nan"]),
    ],
)
def test_values_of_an_audit_log(new: object, words: list[str]) -> None:
    (step,) = planned(audit("L:A", new))
    assert (step.pv, step.words, step.fate, step.trouble) == ("L:A", words, "DONE", "")


def test_a_line_that_the_daemon_writes_is_understood() -> None:
    note = PutNote("L:A", LOCAL, "host", "user", 1000.25, 2.0, 1.0)
    note.ended("DONE", "")
    (step,) = planned(line_of(Merged(note)))
    assert (step.pv, step.words, step.at_s) == ("L:A", ["2.0"], 1000.25)


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ("'a text'", ["a text"]),
        ("2.5", ["2.5"]),
        ("[1, 2]", ["1", "2"]),
        ("nan", ["nan"]),
        ("-inf", ["-inf"]),
    ],
)
def test_values_of_a_ledger(shown: str, words: list[str]) -> None:
    (step,) = planned(ledger(shown))
    assert (step.pv, step.words, step.at_s, step.trouble) == ("CMD", words, 7.0, "")


@pytest.mark.parametrize("fate", ["DENIED", "REFUSED", "REJECTED"])
def test_what_never_ran_is_left_out(fate: str) -> None:
    assert planned(audit("L:A", 1, fate), ledger("1", fate), "") == []


def test_what_had_not_ended_is_left_out_and_told() -> None:
    lines = [ledger("1"), ledger("2", "QUEUED")]
    plan, words = ended(planned(*lines))
    assert [step.words for step in plan] == [["1"]]
    assert words == "1 command had not ended and is left out"
    plan, words = ended(planned(*lines, ledger("3", "RUNNING")))
    assert words == "2 commands had not ended and are left out"
    assert ended(plan) == (plan, "")


@pytest.mark.parametrize("prefix", [{}, {"prefix": ""}])
def test_a_ledger_without_prefixes_is_refused(prefix: dict[str, str]) -> None:
    """As an older sswd has saved it, or as it comes from an older daemon."""
    line = {"system": "s", "pv": "CMD", "value": "1", "at": 7.0, "state": "DONE"}
    with pytest.raises(BadLedger, match="line 1 does not say its system's prefix"):
        planned(json.dumps(line | prefix))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (audit("L:A", [1, 2], **{"new-size": 900}), "2 of its 900 elements"),
        (audit("L:A", "abc", **{"new-size": 900}), "beginning of its text"),
        (audit("L:A", r"\xb5" * 400, **{"new-size": 401}), "beginning of its text"),
        (audit("L:A", "scan", count=3), "3 puts are one line of the log; record"),
        (ledger("'a long te..."), "not have its whole value"),
        (ledger("__import__('os').system('x')"), "not have its whole value"),
    ],
)
def test_what_is_not_whole_is_told(line: str, words: str) -> None:
    (step,) = planned(line)
    assert words in step.trouble


@pytest.mark.parametrize("line", ["nonsense", "[1]", "{}", '{"new": 1, "pv": "x"}'])
def test_what_is_no_ledger_is_told_with_its_line(line: str) -> None:
    with pytest.raises(BadLedger, match="line 2 is none of an audit log"):
        planned(audit("L:A", 1), line)


def test_puts_are_in_the_order_in_which_they_came() -> None:
    """A scan that takes 3 s, and what was put meanwhile, as the audit log has them."""
    found = planned(
        audit("L:X", 1, time="12:00:00.000"),
        audit("L:X", 3, time="12:00:02.000"),
        audit("L:CMD", "scan", time="12:00:01.000"),
        audit("L:CMD", "b", time="12:00:02.000"),
    )
    assert [step.words for step in found] == [["1"], ["scan"], ["3"], ["b"]]


def test_where_puts_came_from_is_known() -> None:
    one = planned(audit("LAB:S1:A", 1))
    assert came_from(one, "LAB:S1:")
    assert not came_from(one, "SIM:")
    assert came_from(planned(ledger("1")), "L:")
    assert not came_from(planned(ledger("1")), "CMD")


def test_the_prefix_is_what_all_names_have_in_common() -> None:
    assert old_prefix(planned(audit("LAB:S1:A", 1), audit("LAB:S1:AB", 1))) == "LAB:S1:"
    assert old_prefix(planned(audit("LAB:S1:A", 1))) == "LAB:S1:"
    with pytest.raises(BadLedger, match="say by --from"):
        old_prefix(planned(audit("A:X", 1), audit("B:X", 1)))


def test_names_are_moved() -> None:
    other, one = planned(audit("LAB:S1:A", 1), ledger("1"))
    assert moved(one, "LAB:S1:", "SIM:") == "SIM:A"
    assert moved(other, "", "SIM:") == "SIM:CMD"
    with pytest.raises(BadLedger, match="line 1: LAB:S1:A does not begin with X:"):
        moved(one, "X:", "SIM:")


def test_one_system_of_several_is_named() -> None:
    both = planned(ledger("1"), ledger("2", system="other"))
    with pytest.raises(BadLedger, match="name one by --system: other, stage"):
        of_system(both, "")
    assert [step.words for step in of_system(both, "other")] == [["2"]]
    whole = planned(audit("L:A", 1))
    assert of_system(whole, "stage") == whole


def test_pauses_are_as_they_were_times_the_speed() -> None:
    one, two = (Step(1, "A", [], at_s, "DONE") for at_s in (10.0, 14.0))
    assert wait_s(None, one, 1.0) == 0
    assert wait_s(one, two, 1.0) == 4
    assert wait_s(one, two, 8.0) == 0.5
    assert wait_s(one, two, 0.0) == 0
    assert wait_s(two, one, 1.0) == 0, "a clock that was set back"
