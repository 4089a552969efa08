"""The demo's display: what it draws, and that it ends with its standard input."""

import os
import pty
import subprocess
import sys
from typing import IO

import pytest
from rich.console import Console

from sswd.control.protocol import Value
from sswd.demo import SHOWN, display, display_of
from sswd.demo.display import LAST_WORDS, bars, drawing, told


def value(pv: str, of: object, severity: str = "NO_ALARM", units: str = "") -> Value:
    count = len(of) if isinstance(of, list) else 1
    bad = severity != "NO_ALARM"
    return Value(
        pv="D:" + pv,
        value=of,
        count=count,
        severity=severity,
        status="COMM" if bad else "NO_ALARM",
        message="the worker is gone" if bad else "",
        time=0.0,
        units=units,
    )


@pytest.mark.parametrize(
    ("of", "text"),
    [
        (1.23456789, "1.23457 mm"),
        (7, "7 mm"),
        ("scan(0,\n 1)", "scan(0, 1) mm"),
        ([0.0, 1.0], "▁█ 2"),
        ([], "-"),
    ],
)
def test_a_value_is_one_line(of: object, text: str) -> None:
    assert told(value("X", of, units="mm")) == text


def test_an_empty_text_is_seen() -> None:
    assert told(value("X", "")) == "-"


def test_bars_go_from_least_to_largest() -> None:
    assert bars([1, 2, 3]) == "▁▅█"
    assert bars([4, 4]) == "▁▁"
    assert bars([1, "nan", 2]) == "▁ █"
    assert bars(["nan"]) == ""


def test_alarms_are_told_in_words_and_the_log_is_below() -> None:
    console = Console(width=100, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    with console.file:
        values = [value("A", 1), value("B", 2.5, "INVALID"), value("C", "c")]
        console.print(drawing("D:", values, ["a line of the log"]))
    lines = console.export_text().splitlines()
    assert lines[1].split() == ["A", "1", "C", "c"]
    assert lines[2].startswith("B")
    assert "2.5  INVALID COMM the worker" in lines[2]
    assert lines[-1] == "a line of the log"


def test_nothing_is_drawn_where_nobody_asks_for_it() -> None:
    before = os.fstat(1)
    with display_of("D:", SHOWN, plain=True):
        assert os.fstat(1) == before


def read_all(fd: int) -> str:
    """What a pseudo-terminal shows, until nobody has it any more."""
    parts = []
    while True:
        try:
            part = os.read(fd, 65536)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts).decode(errors="replace")


def written(stream: IO[str] | None, text: str) -> None:
    assert stream is not None
    stream.write(text)
    stream.flush()


def test_it_shows_introduction_and_log_and_ends_with_its_input(tmp_path) -> None:
    ours, its = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "RUNTIME_DIRECTORY": str(tmp_path)}
    command = [sys.executable, "-m", "sswd.demo.display", "NOBODY:", "X"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=its, stderr=its, text=True, env=env
    )
    os.close(its)
    written(process.stdin, f"Try this.\n{LAST_WORDS}\nthe first event\n")
    written(process.stdin, "the last event\n")
    process.stdin.close()
    shown = read_all(ours)
    assert process.wait(30) == 0
    os.close(ours)
    assert "Try this." in shown
    assert shown.rstrip().endswith("the last event")
    assert "Traceback" not in shown


def test_the_block_s_words_go_there_and_come_back(tmp_path, monkeypatch) -> None:
    """Descriptors 1 and 2 are the display's while the block runs, and ours after."""
    before = os.fstat(1), os.fstat(2)
    stand_in = tmp_path / "display.py"
    stand_in.write_text(
        "import sys, pathlib\npathlib.Path(sys.argv[-1]).write_text(sys.stdin.read())\n"
    )
    popen = subprocess.Popen

    def started(command: list[str], **kwargs: object) -> "subprocess.Popen[bytes]":
        return popen([sys.executable, str(stand_in), command[-1]], **kwargs)

    monkeypatch.setattr(display.subprocess, "Popen", started)
    out = tmp_path / "shown"
    with display.shown("D:", [str(out)]):
        os.write(1, b"to stdout\n")
        os.write(2, b"to stderr\n")
    assert out.read_text() == "to stdout\nto stderr\n"
    assert (os.fstat(1), os.fstat(2)) == before
