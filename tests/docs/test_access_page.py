"""docs/how-to/access.md: its files give what its table says."""

import re
import tomllib
from pathlib import Path

from sswd.access import READ, WRITE
from sswd.config import from_dict
from sswd.config.names import TEMPLATE_NAMES
from sswd.ioc.daemon.access import CONTROL, OF_THEIR_OWN, UNLOCK, AccessControl
from sswd.ioc.daemon.composed import compose

PAGE = Path(__file__).parents[2] / "docs/how-to/access.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| (\w+) \| ([\d.]+) \| (\w+) \| (\w+) \| (\w+) \|$", re.MULTILINE)
RIGHTS = {"": 0, "r": READ, "rw": READ | WRITE}


def block(language: str) -> str:
    [text] = [
        found for kind, found in BLOCK.findall(PAGE.read_text()) if kind == language
    ]
    return text


class Somebody:
    def __init__(self, user: str, address: str) -> None:
        self.user, self.host, self.address = user, "claimed", (address, 5000)


async def test_the_files_give_what_the_table_says(tmp_path: Path) -> None:
    (tmp_path / "site.acf").write_text(block("acf"))
    config = from_dict(tomllib.loads(block("toml")), PAGE.name)
    composed = compose(config, tmp_path)
    pvdb, servers = composed.pvdb, composed.servers
    access = AccessControl(config, tmp_path, servers, pvdb)
    composed.guardian.close()
    table = ROW.findall(PAGE.read_text())
    assert len(table) == 4
    for state, is_closed in ((0.0, True), (1.0, False)):
        access._rules.set_input("SETPOINTS", 0, state)
        for user, address, comment, position, restart in table:
            client = Somebody(user, address)
            told = {
                "COMMENT": comment,
                "POSITION": position if is_closed else "r",
                "WORKER:RESTART": restart,
            }
            for pv, rights in told.items():
                found = access.granted(client, f"LAB:STAGE1:{pv}", None)
                assert found.rights == RIGHTS[rights], (user, address, pv)


def test_the_page_names_every_group_of_its_own() -> None:
    text = PAGE.read_text()
    for group in (*OF_THEIR_OWN.values(), UNLOCK, CONTROL):
        assert f"`{group}`" in text
    assert all(pv in TEMPLATE_NAMES or ":" in pv for pv in OF_THEIR_OWN)
