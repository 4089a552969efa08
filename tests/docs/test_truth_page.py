"""docs/how-to/tell-the-truth-about-your-instrument.md: every block does what it says.

The first is the beginning of examples/readbacks/cryostat.py, which test_examples.py
runs with its simulator; the others are run here.
"""

import re
from pathlib import Path
from typing import Any

from sswd.config import load
from sswd.worker.system import System

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/how-to/tell-the-truth-about-your-instrument.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(PAGE.read_text()) if kind == language]


def test_the_driver_is_the_one_of_the_example() -> None:
    driver = (ROOT / "examples/readbacks/cryostat.py").read_text()
    assert driver.startswith(blocks("python")[0])


def test_the_commands_name_what_is_there() -> None:
    (commands,) = blocks("sh")
    for line in commands.splitlines():
        for word in line.split():
            if word.endswith((".py", ".toml")):
                assert (ROOT / "examples/readbacks" / word).exists(), word


def test_the_configuration_is_one(tmp_path: Path) -> None:
    (text,) = blocks("toml")
    file = tmp_path / "camera.toml"
    file.write_text(f'prefix = "CAM:"\n{text}')
    camera = load(file).system["camera"]
    assert (camera.on_link_lost, camera.link_failures) == ("restart", 3)


class Services:
    """Notes what is posted."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Any]] = []

    def post(self, updates: dict[str, Any]) -> None:
        self.said += updates.items()

    def post_alarm(self, pv: str, alarm: Any) -> None:
        self.said.append((pv, alarm))


def test_what_a_driver_says_itself() -> None:
    system = System()
    system._services = services = Services()  # type: ignore[assignment]
    exec(blocks("python")[1], {"self": system})
    assert [pv for pv, _ in services.said] == ["PRESSURE"] * 3
