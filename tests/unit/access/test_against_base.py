"""What files give to whom, as EPICS base's own access security decides."""

import json
import socket
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from sswd.access import READ, WRITE, Acf, Rules, Who, read_acf
from sswd.errors import ConfigError

HERE = Path(__file__).parent
GROUPS = ("DEFAULT", "EXPERTS", "ALL", "A", "B", "NO:SUCH")
USERS = ("anna", "ben", "")
HOSTS = ("127.0.0.1", "10.0.0.5", "10.0.0.6")
CLIENTS = list(product(GROUPS, (0, 1), USERS, HOSTS))
INPUTS = (1.0, 2.0, None) + (0.0,) * 9
RIGHTS = {0: 0, 1: READ, 2: READ | WRITE}


def files() -> dict[str, tuple[str, str]]:
    """(text, macros) by name."""
    found = {}
    for part in (HERE / "files.txt").read_text().split("==== ")[1:]:
        name, _, text = part.partition("\n")
        macros = ""
        if text.startswith("MACROS "):
            first, _, text = text.partition("\n")
            macros = first.removeprefix("MACROS ")
        found[name] = (text, macros)
    return found


FILES = files()


@pytest.fixture(scope="module")
def base() -> dict[str, list[list[int]] | None]:
    """What EPICS base says to each file; None: refused."""
    questions = [
        {"text": text, "macros": macros, "inputs": INPUTS, "clients": CLIENTS}
        for text, macros in FILES.values()
    ]
    done = subprocess.run(
        [sys.executable, HERE / "epics_base.py"],
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(FILES, json.loads(done.stdout), strict=True))


def read(name: str) -> Acf:
    text, macros = FILES[name]
    pairs = (pair.partition("=") for pair in filter(None, macros.split(",")))
    return read_acf(text, {key: value for key, _, value in pairs})


def ours(acf: Acf) -> list[tuple[int, bool]]:
    hosts = {host for group in acf.hosts.values() for host in group}
    rules = Rules(acf, {host: addresses_of(host) for host in hosts})
    for group in acf.groups:
        for letter, value in enumerate(INPUTS):
            rules.set_input(group, letter, value)
    granted = [
        rules.granted(group, level, Who(user, host))
        for group, level, user, host in CLIENTS
    ]
    return [(each.rights, each.traps) for each in granted]


def addresses_of(host: str) -> frozenset[str]:
    if "no.such" in host:
        return frozenset()
    return frozenset((socket.gethostbyname(host),))


def test_there_are_fifty_files() -> None:
    assert len(FILES) >= 50


@pytest.mark.parametrize("name", FILES)
def test_as_epics_base(name: str, base: dict[str, list[list[int]] | None]) -> None:
    said = base[name]
    if name.startswith("refused"):
        assert said is None
    if said is None or name.startswith("not_had"):
        with pytest.raises(ConfigError, match="line"):
            read(name)
        return
    expected = [(RIGHTS[access], bool(trap)) for access, trap in said]
    found = ours(read(name))
    differ = [
        (client, mine, theirs)
        for client, mine, theirs in zip(CLIENTS, found, expected, strict=True)
        if mine != theirs
    ]
    assert not differ
