"""Who may do what, without sockets: groups of their own, the control socket, audit."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from sswd.access import READ, WRITE
from sswd.config import from_dict
from sswd.config.keys import Config
from sswd.control import protocol
from sswd.control.protocol import Refused
from sswd.errors import ConfigError
from sswd.ioc import ca
from sswd.ioc.daemon import access_file, host_addresses
from sswd.ioc.daemon.access import AccessControl
from sswd.ioc.daemon.access_file import read_file
from sswd.ioc.daemon.composed import Composed, compose
from sswd.ioc.daemon.control.answers import Answers
from sswd.ioc.daemon.host_addresses import HostAddresses

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


class NameServer:
    """Knows hosts by name, and does not answer while it is down."""

    def __init__(self) -> None:
        self.known = {"here": "10.0.0.5"}
        self.is_up = threading.Event()
        self.is_up.set()

    def ask(self, host: str, *_: object) -> list[tuple[Any, ...]]:
        self.is_up.wait(60.0)
        host.encode("idna")
        if host not in self.known:
            raise socket.gaierror("Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self.known[host], 0))]


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", server.ask)
    yield server
    server.is_up.set()


HAG = """
HAG(consoles) { %s }
ASG(DEFAULT) { RULE(1,READ) RULE(1,WRITE) { HAG(consoles) } }
"""


def access_of(hosts: str, folder: Path) -> AccessControl:
    (folder / "site.acf").write_text(HAG % hosts)
    table = {"access": {"file": "site.acf"}, "system": SYSTEM}
    config = from_dict(table, "test")
    composed = compose(config, folder)
    composed.guardian.close()
    return AccessControl(config, folder, composed.servers, composed.pvdb)


def test_a_host_without_an_address_is_nobody(
    name_server: NameServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    del name_server
    too_long = "x" * 64
    access = access_of(f"gone, here, {too_long}", tmp_path)
    assert access.granted(client("eve"), "CMD", None).rights == BOTH, "is `here`"
    assert access.unknown_hosts == ["gone", too_long]
    assert "no address of 'gone' in a HAG: Name or service not known" in caplog.text
    assert f"no address of '{too_long}' in a HAG: " in caplog.text


async def test_a_start_waits_for_no_name_server_that_is_down(
    name_server: NameServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(access_file, "ASK_S", 0.01)
    monkeypatch.setattr("sswd.ioc.daemon.access.AGAIN_S", 0.01)
    name_server.is_up.clear()
    access = access_of("gone, here", tmp_path)
    assert access.unknown_hosts == ["gone", "here"]
    assert "no address of 'here' in a HAG: DNS has not answered" in caplog.text
    assert access.granted(client("eve"), "CMD", None).rights == READ
    changes: list[str] = []

    class Context:
        def access_changed(self) -> None:
            changes.append("changed")

        def use_access(self, _access: object) -> None:
            pass

    access.start(cast("ca.Context", Context()))
    name_server.is_up.set()
    async with asyncio.timeout(60):
        while access.unknown_hosts != ["gone"]:
            await asyncio.sleep(0.005)
        assert access.granted(client("eve"), "CMD", None).rights == BOTH
        assert changes == ["changed"], "the clients are told"
        name_server.known["gone"] = "10.0.0.6"
        while access.unknown_hosts:
            await asyncio.sleep(0.005)
    await access.close()


def test_many_hosts_are_asked_for_by_few_threads(name_server: NameServer) -> None:
    asker = HostAddresses()
    names = [f"host{number}" for number in range(5 * host_addresses.MAX_THREADS)]
    name_server.known |= dict.fromkeys(names, "10.0.0.7")
    name_server.is_up.clear()
    asker.ask(names)
    asker.ask(names)
    assert set(asker.answers(names).values()) == {host_addresses.NOT_YET}
    asking = [each for each in threading.enumerate() if each.name == "sswd-host"]
    assert len(asking) == host_addresses.MAX_THREADS
    name_server.is_up.set()
    assert set(asker.answers(names, 60.0).values()) == {frozenset({"10.0.0.7"})}


def test_addresses_count_while_dns_is_down(
    name_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reload then must not take the rights of a console away."""

    def told() -> host_addresses.Answer:
        asker.ask(["here"])
        return asker.answers(["here"], 60.0)["here"]

    def fail(code: int) -> Callable[..., object]:
        def ask(*_: object) -> object:
            raise socket.gaierror(code, "no address")

        return ask

    asker = HostAddresses()
    address = frozenset({"10.0.0.5"})
    assert told() == address
    name_server.is_up.clear()
    asker.ask(["here"])
    assert asker.answers(["here"])["here"] == address, "it is silent"
    name_server.is_up.set()
    monkeypatch.setattr(socket, "getaddrinfo", fail(socket.EAI_AGAIN))
    asker.answers(["here"], 60.0)
    assert told() == address, "it cannot be reached"
    monkeypatch.setattr(socket, "getaddrinfo", fail(socket.EAI_NONAME))
    assert "no address" in str(told()), "it says that there is no such host"
