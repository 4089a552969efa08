"""The audit log: lines with caPutLog's keys, few of them in a burst, no waiting."""

import json
import math
import threading
import time

import pytest

from sswd.control.mends import mend_of
from sswd.ioc.ca import PutNote
from sswd.ioc.daemon import audit
from sswd.ioc.daemon.audit import Audit
from sswd.ioc.daemon.audit_lines import MAX_BURSTS, BurstFilter, Merged, line_of
from sswd.log_file import troubles


def note(new: object = 1.0, old: object = 0.0, **more: object) -> PutNote:
    made = PutNote("A:B", "10.0.0.7", "desk", "ann", 1.8e9, new, old)
    made.fate = "DONE"
    for name, value in more.items():
        setattr(made, name, value)
    return made


def told(merged: Merged) -> dict:
    return json.loads(line_of(merged))


def test_a_line_has_the_keys_of_caputlog():
    line = told(Merged(note(command=41, took_s=0.25)))
    assert len(line.pop("date")) == len("2027-01-15")
    assert len(line.pop("time")) == len("08:00:00.000")
    assert line == {
        "host": "desk",
        "user": "ann",
        "pv": "A:B",
        "new": 1.0,
        "old": 0.0,
        "address": "10.0.0.7",
        "command": 41,
        "fate": "DONE",
        "took": 0.25,
    }


def test_arrays_have_sizes_and_what_is_no_number_is_text():
    line = told(Merged(note([1.0, math.nan], [], new_size=900, old_size=0)))
    assert (line["new"], line["new-size"]) == ([1.0, "Nan"], 900)
    assert (line["old"], line["old-size"]) == ([], 0)


def test_a_name_that_is_no_utf8_ends_nothing():
    assert told(Merged(note(user="\udcff", words="\udcfe")))["user"] == "\\udcff"


@pytest.mark.row(58)
def test_a_text_that_is_no_utf8_ends_nothing():
    line = told(Merged(note("\udcb5m", old=["\udcb5m", 1.0])))
    assert (line["new"], line["old"]) == ("\\udcb5m", ["\\udcb5m", 1.0])


@pytest.mark.row(58)
def test_a_put_that_cannot_be_a_line_is_told_and_the_next_is_written(caplog):
    file = SlowFile()
    file.may_go_on.set()
    log = Audit(file, 0.0)
    log.put(note({1, 2}.__iter__()))
    log.put(note(2.0))
    log.close()
    assert [json.loads(line)["new"] for line in file.lines[:-1]] == [2.0]
    assert "a put to A:B is not in the audit log" in caplog.text


@pytest.mark.parametrize("burst_s", [0.0, 60.0])
def test_a_number_that_is_no_double_ends_nothing(burst_s):
    file = SlowFile()
    file.may_go_on.set()
    log = Audit(file, burst_s)
    for new in (10**399, 2.0, 10**399):
        log.put(note(new))
    log.close()
    assert json.loads(file.lines[0])["new"] == 10**399
    assert json.loads(file.lines[-2])["new"] == 10**399
    assert not any("min" in line for line in file.lines)


def test_a_put_that_the_filter_does_not_take_is_told(caplog):
    class Odd(float):
        def __float__(self) -> float:
            raise ZeroDivisionError

    file = SlowFile()
    file.may_go_on.set()
    log = Audit(file, 0.0)
    log.put(note(Odd()))
    log.put(note(2.0))
    log.close()
    assert [json.loads(line)["new"] for line in file.lines[:-1]] == [2.0]
    assert "a put to A:B is not in the audit log" in caplog.text


def test_of_a_burst_the_first_and_a_line_for_the_rest():
    burst = BurstFilter(5.0)
    [first] = burst.take(note(1.0), 0.0)
    assert first.count == 1
    for at_s, new in ((1.0, 7.0), (2.0, -3.0), (3.0, 4.0)):
        assert burst.take(note(new, old=new - 1), at_s) == []
    assert burst.wait_s(3.0) == 2.0
    assert burst.due(4.9) == []
    [rest] = burst.due(5.0)
    line = told(rest)
    assert (line["new"], line["old"], line["count"]) == (4.0, 6.0, 3)
    assert (line["min"], line["max"]) == (-3.0, 7.0)


def test_a_burst_without_end_is_told_every_time():
    burst = BurstFilter(5.0)
    lines = [m for t in range(100) for m in burst.take(note(float(t)), float(t))]
    assert sum(merged.count for merged in [*lines, *burst.flush()]) == 100
    assert 19 <= len(lines) <= 21


def test_after_the_burst_the_next_put_is_written_at_once():
    burst = BurstFilter(5.0)
    burst.take(note(), 0.0)
    assert burst.due(5.0) == []
    assert burst.wait_s(5.0) is None
    assert len(burst.take(note(), 6.0)) == 1


@pytest.mark.parametrize(
    "other",
    [{"pv": "A:C"}, {"user": "bob"}, {"address": "10.0.0.8"}, {"fate": "FAILED"}],
)
def test_what_differs_is_no_burst(other):
    burst = BurstFilter(5.0)
    assert len(burst.take(note(), 0.0)) == 1
    assert len(burst.take(note(**other), 0.1)) == 1


def test_texts_have_no_range():
    burst = BurstFilter(5.0)
    for new in (1.0, 2.0, "text", 3.0):
        burst.take(note(new), 0.0)
    [rest] = burst.flush()
    assert rest.count == 3
    assert "min" not in told(rest)


def test_without_the_filter_every_put_is_a_line():
    burst = BurstFilter(0.0)
    assert all(len(burst.take(note(), 0.0)) == 1 for _ in range(10))


def test_clients_do_not_choose_our_memory():
    burst = BurstFilter(5.0)
    lines = []
    for number in range(3 * MAX_BURSTS):
        for _ in range(2):
            lines += burst.take(note(pv=f"A:{number}"), 0.0)
        assert len(burst._bursts) <= MAX_BURSTS
    assert len(lines) + len(burst.flush()) == 6 * MAX_BURSTS


def test_a_thread_that_has_ended_is_told():
    file = SlowFile()
    file.may_go_on.set()
    log = Audit(file, 0.0)
    assert troubles() == []
    log._notes.put(None)
    log._thread.join(30)
    [words] = troubles()
    log.close()
    assert words == "puts are not recorded: the thread of the audit log has ended"
    assert "restart the daemon" in mend_of(words)
    assert troubles() == []


class SlowFile:
    """A file on a disk that hangs until it is let go."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.may_go_on = threading.Event()

    def write(self, line: str) -> None:
        self.may_go_on.wait(10)
        self.lines.append(line)

    def close(self) -> None:
        self.lines.append("closed")


@pytest.mark.timing
def test_a_disk_that_hangs_is_not_waited_for(monkeypatch, caplog):
    monkeypatch.setattr(audit, "BACKLOG", 100)
    file = SlowFile()
    log = Audit(file, 0.0)
    begin_s = time.monotonic()
    for number in range(1000):
        log.put(note(float(number)))
    assert time.monotonic() - begin_s < 2.0
    assert caplog.text.count("the audit log takes no puts: 100 wait already") == 1
    [words] = troubles()
    assert words == f"{log._dropped} puts are not in the audit log: it is too slow"
    assert mend_of(words).startswith("look at the disk")
    file.may_go_on.set()
    log.close()
    assert not log._thread.is_alive()
    assert troubles() == [], "a closed one is nobody's trouble"
    assert file.lines.pop() == "closed"
    assert 100 <= len(file.lines) <= 101
    assert f"{1000 - len(file.lines)} puts are not in the audit log" in caplog.text


def test_what_waits_is_written_at_the_end():
    file = SlowFile()
    file.may_go_on.set()
    log = Audit(file, 60.0)
    for number in range(5):
        log.put(note(float(number)))
    log.close()
    assert [json.loads(line).get("count") for line in file.lines[:-1]] == [None, 4]


def test_a_burst_is_written_when_it_is_over_though_nobody_puts():
    file = SlowFile()
    file.may_go_on.set()
    log = Audit(file, 0.1)
    for number in range(3):
        log.put(note(float(number)))
    until_s = time.monotonic() + 10
    while len(file.lines) < 2 and time.monotonic() < until_s:
        time.sleep(0.01)
    assert json.loads(file.lines[1])["count"] == 2
    log.close()
