"""docs/how-to/state.md: its configuration is one, its file is what sswd writes."""

import re
import tomllib
from pathlib import Path

from sswd.config import from_dict
from sswd.ioc.state.format import Saved, encode

PAGE = Path(__file__).parents[2] / "docs/how-to/state.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(PAGE.read_text()) if kind == language]


def test_the_configuration_is_one() -> None:
    (text,) = blocks("toml")
    config = from_dict(tomllib.loads(text), PAGE.name)
    told = [pv.restore for pv in config.system["stage"].pvs.values()]
    assert told == [True, "ask", "show"]
    assert config.state.directory == "/var/lib/lab"


def test_the_file_is_the_one_that_is_written() -> None:
    text = encode(7, {"VELOCITY": Saved(1.5, 1764240000.25)}).decode()
    text = re.sub(r'"sha256": "\w+"', '"sha256": "..."', text)
    assert text == blocks("text")[1]
