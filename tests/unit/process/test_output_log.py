"""What a worker prints: cut into lines, kept at the end, and logged in measure."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sswd.ioc.process.output_log import MAX_LINE, TAIL, OutputLog


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def lines_of(caplog) -> list[str]:
    return [r.getMessage().partition(": ")[2] for r in caplog.records]


@pytest.fixture
def output(clock, caplog) -> OutputLog:
    caplog.set_level(logging.INFO)
    return OutputLog(logging.getLogger("sswd.worker"), "stage", clock)


def test_lines_are_cut_from_what_comes(output, caplog):
    for part in (b"on", b"e\ntw", b"o\r\n", b"", b"\n", b"rest"):
        output.feed(part)
    assert lines_of(caplog) == ["one", "two", ""]
    assert output.end() == ["one", "two", "", "rest"]
    assert lines_of(caplog)[-1] == "rest"


def test_a_line_without_end_is_cut(output):
    output.feed(b"x" * (3 * MAX_LINE + 5))
    assert [len(line) for line in output.end()] == [MAX_LINE] * 3 + [5]


def test_a_long_line_with_an_end_is_shortened(output):
    output.feed(b"x" * (2 * MAX_LINE) + b"\nnext\n")
    assert [len(line) for line in output.end()] == [MAX_LINE, 4]


def test_bytes_that_are_no_text(output):
    output.feed(b"caf\xe9\n\xff\n")
    assert output.end() == ["caf\\xe9", "\\xff"]


def test_only_the_last_lines_are_kept(output):
    output.feed(b"".join(b"%d\n" % i for i in range(200)))
    assert output.end() == [str(i) for i in range(200 - TAIL, 200)]


def test_a_flood_is_dropped_and_counted_once_a_second(output, clock, caplog):
    output.feed(b"x\n" * 1000)
    assert len(caplog.records) == 200
    assert output.holds_back
    output.flush()
    output.feed(b"x\n" * 10)
    output.flush()
    words = [r.getMessage() for r in caplog.records if "dropped" in r.getMessage()]
    assert words == [
        "worker stage: 800 lines of output dropped, it prints too fast",
    ]
    clock.now_s += 1.5
    output.flush()
    assert "10 lines" in caplog.records[-1].getMessage()
    assert not output.holds_back


def test_the_end_tells_what_was_dropped_last(output, caplog):
    output.feed(b"x\n" * 201)
    output.flush()
    output.feed(b"x\n" * 5)
    output.end()
    assert "5 lines" in caplog.records[-1].getMessage()


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_no_output_is_lost_below_the_limit(parts):
    quiet = logging.getLogger("sswd.test.quiet")
    quiet.disabled = True
    output = OutputLog(quiet, "x")
    for part in parts:
        output.feed(part)
    whole = b"".join(parts)
    wanted = whole.split(b"\n")
    if not wanted[-1]:
        wanted.pop()
    assert output.end() == [
        line.decode(errors="backslashreplace").rstrip("\r") for line in wanted[-TAIL:]
    ]
