"""One event a line, whatever is in it; and nobody waits for standard error."""

import io
import json
import logging
import os
import threading
import warnings

import pytest

from sswd import logs
from sswd.logs import JsonLines, LogOptions, RateLimit, TextLines, logging_to

LOG = logging.getLogger("sswd.test")


def logged(call, **options) -> str:
    stream = io.StringIO()
    with logging_to(LogOptions(**options), stream):
        call()
    return stream.getvalue()


def test_text_has_time_level_logger_message_and_fields():
    line = logged(lambda: LOG.warning("gone", extra={"run": 3, "why": "a b"}))
    assert line[:4].isdigit()
    assert line[23:] == " WARNING sswd.test: gone [run=3 why='a b']\n"


def test_json_is_one_object_a_line():
    def call() -> None:
        LOG.info(
            "worker %s", "stage", extra={"run": 3, "at": object, "x": float("nan")}
        )
        LOG.error("two\nlines \ud800")

    first, second = map(json.loads, logged(call, format="json").splitlines())
    assert first["message"] == "worker stage"
    assert (first["level"], first["logger"]) == ("INFO", "sswd.test")
    assert (first["run"], first["x"]) == (3, None)
    assert first["time"].endswith("Z")
    assert second["message"] == "two\nlines \\ud800"


def test_fields_cannot_forge_the_event():
    line = json.loads(
        logged(lambda: LOG.info("a", extra={"level": "x"}), format="json")
    )
    assert line["level"] == "INFO"


def test_a_message_cannot_break_out_of_its_line():
    text = logged(lambda: LOG.info("evil\n2026-01-01 FAKE\r\x1b[31m\x9b"))
    assert text.count("\n") == 1
    assert "evil\\n2026-01-01 FAKE\\r\\x1b[31m\\x9b" in text


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_traceback_belongs_to_its_event(log_format):
    def call() -> None:
        try:
            raise ValueError("no\x1b")
        except ValueError:
            LOG.exception("failed")

    text = logged(call, format=log_format)
    if log_format == "json":
        assert "ValueError: no" in json.loads(text)["trace"]
    else:
        assert all(line.startswith("    ") for line in text.splitlines()[1:])
        assert text.endswith("ValueError: no\\x1b\n")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_traceback_of_another_process_belongs_to_its_event(log_format):
    trace = "Traceback (most recent call last):\n  File x\nValueError: no\n"

    def call() -> None:
        logs.log_with_trace(LOG, logging.ERROR, trace, "command %d failed", 41)
        logs.log_with_trace(LOG, logging.DEBUG, trace, "below the level")
        logs.log_with_trace(LOG, logging.INFO, "", "none")

    text = logged(call, format=log_format)
    if log_format == "json":
        first, second = map(json.loads, text.splitlines())
        assert (first["message"], first["trace"]) == ("command 41 failed", trace[:-1])
        assert "trace" not in second
    else:
        first, *rest, last = text.splitlines()
        assert first.endswith(" ERROR   sswd.test: command 41 failed")
        assert rest == [f"    {line}" for line in trace.splitlines()]
        assert last.endswith(" INFO    sswd.test: none")


def test_a_bad_call_hurts_nobody():
    bad = logging.makeLogRecord({"name": "x", "msg": "%d of %s", "args": ("x",)})
    assert "'%d of %s' % ('x',)" in TextLines().format(bad)
    assert "'%d of %s' % ('x',)" in JsonLines().format(bad)
    assert RateLimit().filter(bad)


def test_levels():
    def call() -> None:
        LOG.debug("ours, debug")
        LOG.info("ours, info")
        logging.getLogger("caproto.circ").info("theirs, info")
        logging.getLogger("caproto.circ").warning("theirs, warning")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("watch out", stacklevel=1)

    text = logged(call)
    assert "ours, info" in text
    assert "theirs, warning" in text
    assert "watch out" in text
    assert "ours, debug" not in text
    assert "theirs, info" not in text
    assert "theirs, info" in logged(call, level="DEBUG")
    assert "ours, info" not in logged(call, level="ERROR")


def test_nothing_is_left_behind():
    before = (logging.root.level, list(logging.root.handlers), threading.active_count())
    logged(lambda: LOG.info("a"))
    after = (logging.root.level, list(logging.root.handlers), threading.active_count())
    assert before == after


def test_a_reader_that_does_not_read_stops_nobody(monkeypatch):
    monkeypatch.setattr(logs, "BACKLOG", 100)
    monkeypatch.setattr(logs, "FLUSH_S", 5.0)
    read_fd, write_fd = os.pipe()
    with os.fdopen(write_fd, "w") as full, os.fdopen(read_fd) as reader:
        with logging_to(LogOptions(), full):
            for n in range(1_000):
                LOG.info("%04d %s", n, "x" * 1_000)  # a pipe holds 64 of them
            text: list[str] = []
            thread = threading.Thread(target=lambda: text.extend(reader))
            thread.start()
        full.close()
        thread.join(10)
    told = [line for line in text if "dropped: nobody read them" in line]
    dropped = sum(int(line.split("lines=")[1].rstrip("]\n")) for line in told)
    assert 700 < dropped <= 1_000 - logs.BACKLOG
    assert len(text) - len(told) == 1_000 - dropped


def test_a_closed_standard_error_is_survived():
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    with os.fdopen(write_fd, "w", buffering=1) as broken:
        with logging_to(LogOptions(), broken):
            LOG.info("a")
            LOG.info("b")
        # The block ends in time; closing a broken pipe raises, as ever.
        with pytest.raises(BrokenPipeError):
            broken.write("x\n")
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, broken.fileno())
        os.close(nowhere)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def record(text: str, level: int = logging.INFO) -> logging.LogRecord:
    return logging.makeLogRecord({"name": "x", "levelno": level, "msg": text})


def test_rate_limit_lets_some_pass_and_tells_how_many_did_not():
    clock = Clock()
    limit = RateLimit(count=3, window_s=10, clock=clock)
    assert [limit.filter(record("a")) for _ in range(8)] == [True] * 3 + [False] * 5
    assert limit.filter(record("b"))
    assert limit.filter(record("a", logging.ERROR))
    clock.now_s = 10
    again = record("a")
    assert limit.filter(again)
    assert again.dropped == 5
    fresh = record("a")
    assert limit.filter(fresh)
    assert not hasattr(fresh, "dropped")


def test_rate_limit_is_bounded():
    limit = RateLimit(kinds=100)
    for n in range(1_000):
        assert limit.filter(record(str(n)))
        assert len(limit._kinds) <= 100


def test_equal_lines_are_limited_in_the_log():
    text = logged(lambda: [LOG.info("again") for _ in range(100)])
    assert text.count("again") == 10
