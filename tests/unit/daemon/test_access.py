"""Who may do what, without sockets: groups of their own, the control socket, audit."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sswd.access import READ, WRITE
from sswd.config import from_dict
from sswd.config.keys import Config
from sswd.control import protocol
from sswd.control.protocol import Refused
from sswd.errors import ConfigError
from sswd.ioc import ca
from sswd.ioc.daemon.access import AccessControl
from sswd.ioc.daemon.access_file import addresses_of, read_file
from sswd.ioc.daemon.composed import Composed, compose
from sswd.ioc.daemon.control.answers import Answers

BOTH = READ | WRITE
SYSTEM = {"s": {"target": "a:B"}}
ACF = """
UAG(staff) { anna }
ASG(DEFAULT) { RULE(1,READ) RULE(0,WRITE) }
ASG(STAFF) { RULE(1,READ) RULE(1,WRITE) { UAG(staff) } }
ASG(CONTROL) { RULE(1,READ) RULE(1,WRITE) { UAG(staff) } }
"""
TABLE: dict[str, Any] = {
    "prefix": "L:",
    "access": {"file": "site.acf"},
    "system": {
        "one": {"target": "a:B", "prefix": "ONE:", "asg": "STAFF"},
        "two": {
            "target": "a:B",
            "prefix": "ONE:TWO:",
            "pvs": {"X": {"type": "float", "writable": True}},
        },
    },
}


@pytest.fixture
def made(tmp_path: Path) -> Iterator[tuple[Composed, AccessControl]]:
    (tmp_path / "site.acf").write_text(ACF)
    config = from_dict(TABLE, "test")
    composed = compose(config, tmp_path)
    yield composed, AccessControl(config, tmp_path, composed.servers, composed.pvdb)
    composed.guardian.close()


def client(user: str) -> Any:
    class Client:
        host, address = "claimed", ("10.0.0.5", 5000)

    Client.user = user
    return Client()


@pytest.mark.parametrize(
    ("name", "anna", "ben"),
    [
        ("L:ONE:CMD", BOTH, READ),
        ("L:ONE:WORKER:STOP", BOTH, READ),
        ("L:ONE:CMD.PROC", BOTH, READ),
        ("L:ONE:TWO:CMD", BOTH, BOTH),
        ("L:ONE:TWO:X.VAL", BOTH, BOTH),
        ("L:ONE:TWO:X.MDEL", READ, READ),
        ('L:ONE:TWO:X.{"ts":{}}', BOTH, BOTH),
        ("L:IOC:UPTIME", BOTH, BOTH),
    ],
)
def test_which_group_a_pv_is_in(
    made: tuple[Composed, AccessControl], name: str, anna: int, ben: int
) -> None:
    _, access = made
    assert access.granted(client("anna"), name, None).rights == anna
    assert access.granted(client("ben"), name, None).rights == ben


async def test_the_control_socket_has_a_group(
    made: tuple[Composed, AccessControl], caplog: pytest.LogCaptureFixture
) -> None:
    composed, access = made
    notes: list[ca.PutNote] = []

    class Api:
        servers = composed.servers

        class context:
            put_listener = notes.append

    Api.access = access
    answers = Answers.__new__(Answers)
    answers._api = Api
    answers._check_right(protocol.GetStatus(), "ben@localhost (pid 1)")
    answers._check_right(protocol.SetLevel(), "ben@localhost (pid 1)")
    answers._check_right(protocol.Restart(system="one"), "anna@localhost (pid 1)")
    with pytest.raises(Refused, match="gives ben no right to order"):
        answers._check_right(protocol.Restart(system="one"), "ben@localhost (pid 1)")
    [note] = notes
    assert (note.pv, note.fate, note.user) == ("L:ONE:WORKER:RESTART", "DENIED", "ben")
    with pytest.raises(Refused):
        answers._check_right(
            protocol.Call(pv="L:ONE:CMD", value="x"), "ben@localhost (pid 1)"
        )
    assert notes[1].new == "x"
    for value, new, size in (
        ("x" * 60_000, "x" * 400, 60_000),
        (10**399, str(10**399), None),
        ([10**399] * 100, [str(10**399)] * 50, 100),
        (["x" * 60_000, 1], ["x" * 400, 1], 2),
    ):
        with pytest.raises(Refused):
            answers._check_right(
                protocol.Call(pv="L:ONE:CMD", value=value), "ben@localhost (pid 1)"
            )
        cut = notes.pop()
        assert (cut.new, cut.new_size) == (new, size)
        caplog.records.pop()
    for request, pv, new in (
        (protocol.Reload(), "sswd reload", ""),
        (protocol.SetLevel(logger="a.b", level="DEBUG"), "sswd level", "IOC a.b DEBUG"),
        (protocol.Close(client="10.0.0.5:1"), "sswd clients --close", "10.0.0.5:1"),
    ):
        with pytest.raises(Refused):
            answers._check_right(request, "ben@localhost (pid 1)")
        assert (notes[-1].pv, notes[-1].new, notes[-1].fate) == (pv, new, "DENIED")
        words = "denied to ben@localhost (pid 1): no right at the control socket"
        assert f"{pv.removeprefix('sswd ').upper()} {new}".strip() in caplog.text
        assert words in caplog.records[-1].getMessage()
    assert len(notes) == len(caplog.records) == 5, "a line each"


def without_file() -> Config:
    return from_dict({"system": {"s": {"target": "a:B"}}}, "test")


def test_without_a_file_all_is_as_the_pvs_say(tmp_path: Path) -> None:
    composed = compose(without_file(), tmp_path)
    access = AccessControl(without_file(), tmp_path, composed.servers, composed.pvdb)
    composed.guardian.close()
    assert access.granted(client("eve"), "CMD", None).rights == BOTH
    assert access.granted(client("eve"), "CMD", None).traps
    assert access.control("eve").rights == BOTH
    assert access.file == ""


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"access": {"file": "gone.acf"}}, "gone.acf: No such file"),
        ({"access": {"file": "site.acf", "asg": "NO"}}, "access.asg: there is no ASG"),
    ],
)
def test_what_is_not_there_is_told(
    tmp_path: Path, more: dict[str, Any], words: str
) -> None:
    (tmp_path / "site.acf").write_text(ACF)
    with pytest.raises(ConfigError, match=words):
        read_file(from_dict({**TABLE, **more}, "test"), tmp_path)


def test_a_group_without_a_file_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match=r"system\.one\.asg: 'STAFF' is in no file"):
        from_dict({**TABLE, "access": {}}, "test")


HOSTS = """
HAG(console) { Console-1, 10.0.0.5 }
ASG(DEFAULT) { RULE(1,READ) RULE(1,WRITE) { HAG(console) } }
"""


@pytest.mark.parametrize(
    ("hosts", "claimed", "address", "rights"),
    [
        ("name", "CONSOLE-1", "10.9.9.9", BOTH),
        ("name", "claimed", "10.0.0.5", READ),
        ("address", "console-1", "10.9.9.9", READ),
        ("address", "claimed", "10.0.0.5", BOTH),
        ("address", "claimed", "10.0.0.7", BOTH),
    ],
)
def test_what_hosts_are_compared_with(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    hosts: str,
    claimed: str,
    address: str,
    rights: int,
) -> None:
    def ask(host: str, *_: object) -> list[tuple[Any, ...]]:
        assert hosts == "address", "names are compared as they are"
        found = {"console-1": "10.0.0.7"}.get(host, host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (found, 0))]

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    (tmp_path / "site.acf").write_text(HOSTS)
    table = {"access": {"file": "site.acf", "hosts": hosts}, "system": SYSTEM}
    config = from_dict(table, "test")
    composed = compose(config, tmp_path)
    composed.guardian.close()
    access = AccessControl(config, tmp_path, composed.servers, composed.pvdb)
    who = client("eve")
    who.host, who.address = claimed, (address, 5000)
    assert access.granted(who, "CMD", None).rights == rights


def test_a_host_without_an_address_is_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def ask(host: str, *_: object) -> list[tuple[Any, ...]]:
        if host == "gone":
            raise socket.gaierror("Name or service not known")
        host.encode("idna")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.5", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    none: frozenset[str] = frozenset()
    too_long = "x" * 64
    assert addresses_of(["gone", "here", too_long]) == {
        "gone": none,
        "here": frozenset({"10.0.0.5"}),
        too_long: none,
    }
    assert "no address of 'gone' in a HAG: Name or service not known" in caplog.text
    assert f"no address of '{too_long}' in a HAG: " in caplog.text
