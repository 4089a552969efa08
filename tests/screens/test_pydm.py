"""What `sswd export pydm` writes, opened by PyDM: each widget shows its PV, and writes.

With SSWD_WRITE_DOCS=1 the picture of it goes to the documentation.
"""

import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from sswd import cli
from sswd.testing import running_daemon

HERE = Path(__file__).parent
CONFIG = HERE / "microscope.toml"
PICTURE = HERE.parents[1] / "docs/pictures/pydm.png"
PATIENCE_S = 90.0
INVALID = 3


class Screen:
    """PyDM with the form open, in a process of its own."""

    def __init__(self, process: subprocess.Popen) -> None:
        self._process = process
        self.first = self._read()

    def write(self, pv: str, text: str = "") -> None:
        """What an operator types, chooses or presses."""
        step = [f"ca://LAB:MIC:{pv}", text]
        assert self._ask(step) == step

    def look(self) -> list[dict]:
        return self._ask(None)

    def _ask(self, step: object) -> object:
        self._process.stdin.write(json.dumps(step) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> object:
        ready, _, _ = select.select([self._process.stdout], [], [], PATIENCE_S)
        assert ready, "PyDM says nothing"
        return json.loads(self._process.stdout.readline())


@pytest.fixture(scope="module")
def daemon():
    with running_daemon(config=CONFIG) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def form(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pydm")
    assert cli.main(["export", "pydm", str(CONFIG), "--out", str(folder)]) == 0
    return folder / "microscope.ui"


@pytest.fixture(scope="module")
def screen(daemon, form) -> Iterator[Screen]:
    picture = form.with_suffix(".png")
    process = subprocess.Popen(
        [sys.executable, HERE / "render.py", form, picture],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **daemon.env},
    )
    try:
        yield Screen(process)
    finally:
        process.stdin.close()
        try:
            process.wait(PATIENCE_S)
        finally:
            process.kill()
            process.stdout.close()
    if os.environ.get("SSWD_WRITE_DOCS") == "1":
        shutil.copy(picture, PICTURE)


def by_pv(widgets: list[dict]) -> dict[str, dict]:
    return {w["channel"].removeprefix("ca://LAB:MIC:"): w for w in widgets}


def test_every_widget_shows_its_pv_without_an_alarm(screen, form) -> None:
    written = {
        text.text
        for made in ET.parse(form).iter("property")
        if made.get("name") in {"channel", "imageChannel"}
        for text in made
    }
    shown = {widget["channel"] for widget in screen.first}
    assert shown == written | {"ca://LAB:MIC:SPECTRUM"}
    for widget in screen.first:
        assert widget["enabled"], widget
        assert widget["severity"] == 0, widget
        assert widget["text"] not in {"######", widget["channel"]}, widget


def test_it_shows_the_values(screen) -> None:
    shown = by_pv(screen.first)
    texts = {
        "WORKER:STATE": "RUNNING",
        "WORKER:LINK": "OK",
        "CMD_STATE": "IDLE",
        "PROGRESS": "0.00",
        "message": "ready",
        "LASER": "12.5",
        "LASER_RBV": "12.5",
        "OBJECTIVE": "10x",
        "TEMPERATURE": "21.37",
        "SERIAL": "MIC-0042",
        "NOTE": "sample A, first run",
        "X.RBV": "1.250",
        "Y.VAL": "-3.500",
    }
    assert {pv: shown[pv]["text"] for pv in texts} == texts


def test_an_image_stands_upright(screen) -> None:
    camera = by_pv(screen.first)["CAMERA"]
    assert camera["shape"] == [120, 160]
    assert divmod(camera["brightest"], 160) == (80, 110)


def test_entries_choices_and_buttons_write(screen, daemon) -> None:
    screen.write("LASER", "20")
    daemon.wait_for("MIC:LASER_RBV", 20.0, timeout_s=20.0)
    screen.write("OBJECTIVE", "40x")
    daemon.wait_for("MIC:OBJECTIVE", "40x", timeout_s=20.0)
    screen.write("CMD", "scan")
    daemon.wait_for("MIC:message", "done: scan", timeout_s=20.0)
    screen.write("NOTE", "sample B")
    daemon.wait_for("MIC:NOTE", "sample B", timeout_s=20.0)
    screen.write("AUTOFOCUS")
    daemon.wait_for("MIC:message", "focused", timeout_s=20.0)
    screen.write("X.TWF")
    daemon.wait_for("MIC:X.RBV", pytest.approx(2.25), timeout_s=20.0)


def test_an_alarm_is_seen(screen, daemon) -> None:
    daemon.put("MIC:WORKER:STOP", 1)
    until_s = time.monotonic() + PATIENCE_S
    while by_pv(screen.look())["TEMPERATURE"]["severity"] != INVALID:
        assert time.monotonic() < until_s
        time.sleep(0.1)
    assert by_pv(screen.look())["WORKER:STATE"]["text"] == "STOPPED"
