"""docs/how-to/operations.md: its commands are run, its messages sent, to a daemon."""

import re
import shlex
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sswd.control.protocol import End, Error, answer_of
from sswd.testing import Daemon, running_daemon
from tests.system.control import MISBEHAVING, found_here, sswd

PAGE = (Path(__file__).parents[2] / "docs/how-to/operations.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FAILS = {"call": 1}
CONFIG = """\
prefix = "LAB:"
[system.stage]
prefix = "STAGE1:"
target = "stalls:Slow"
"""


def blocks(language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(PAGE) if kind == language]


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with running_daemon(config=CONFIG, folder=MISBEHAVING, ready=False) as daemon:
        daemon.prefix = "LAB:STAGE1:"
        daemon.wait_for("WORKER:STATE", "RUNNING", timeout_s=60)
        with found_here(daemon):
            yield daemon


def test_the_status_is_as_shown(daemon: Daemon) -> None:
    (shown,) = blocks("text")
    _, told, _ = sswd("status")
    pattern = ".+".join(map(re.escape, shown.replace("stage.toml", "…").split("…")))
    assert re.fullmatch(pattern, told), told


def test_every_command_does_what_the_page_says(daemon: Daemon) -> None:
    for line in "".join(blocks("sh")).splitlines():
        _, verb, *words = shlex.split(line)
        code, out, err = sswd(verb, *words)
        assert code == FAILS.get(verb, 0), (line, out, err)


def test_every_message_is_answered(daemon: Daemon) -> None:
    (path,) = (daemon.folder / "run").glob("*.sock")
    with socket.socket(socket.AF_UNIX) as asking, asking.makefile("rb") as answers:
        asking.connect(str(path))
        for line in "".join(blocks("json")).splitlines():
            asking.sendall(line.encode() + b"\n")
            while not isinstance(answer := answer_of(answers.readline()), End):
                assert not isinstance(answer, Error), (line, answer)
