"""Where the environment names no ports, a client says so before it searches."""

import asyncio

import pytest

from sswd.errors import NotFoundError
from sswd.ioc.client import ask, name_server
from sswd.ioc.client.environment import port_of
from sswd.ioc.client.watch import Watch
from sswd.testing import free_port, loopback_env

WRONG = [
    ("EPICS_CA_SERVER_PORT", "abc"),
    ("EPICS_CA_SERVER_PORT", "99999"),
    ("EPICS_CA_ADDR_LIST", "127.0.0.1:abc"),
    ("EPICS_CA_ADDR_LIST", "127.0.0.1:99999"),
    ("EPICS_CA_NAME_SERVERS", "127.0.0.1:99999"),
]


@pytest.mark.parametrize(("key", "given"), WRONG)
async def test_what_cannot_be_searched(
    monkeypatch: pytest.MonkeyPatch, key: str, given: str
) -> None:
    for name, value in {**loopback_env(), key: given}.items():
        monkeypatch.setenv(name, value)
    words = f"X:Y: nothing is searched: .*{key}"
    with pytest.raises(NotFoundError, match=words):
        await ask.get("X:Y", 0.1, as_number=False)
    with pytest.raises(NotFoundError, match=words):
        await ask.put("X:Y", ["1"], wait_s=0.1, timeout_s=None, as_number=False)
    watch = Watch("X:Y", lambda _: None, lambda *_: None, as_number=False)
    with pytest.raises(NotFoundError, match=words):
        watch.start()
    await watch.close()
    assert len(asyncio.all_tasks()) == 1


NOT_NEEDED = [
    ("EPICS_CA_SERVER_PORT", ""),
    ("EPICS_CA_CONN_TMO", ""),
    ("EPICS_CA_REPEATER_PORT", "x"),
    ("EPICS_CAS_SERVER_PORT", "x"),
    ("EPICS_PVA_SERVER_PORT", ""),
    ("EPICS_PVA_BROADCAST_PORT", "x"),
]


@pytest.mark.parametrize(("key", "given"), NOT_NEEDED)
async def test_what_no_search_needs_keeps_nobody_from_searching(
    monkeypatch: pytest.MonkeyPatch, key: str, given: str
) -> None:
    for name, value in {**loopback_env(), key: given}.items():
        monkeypatch.setenv(name, value)
    # Not at another port, where somebody may be.
    monkeypatch.setenv("EPICS_CA_ADDR_LIST", f"127.0.0.1:{free_port()}")
    with pytest.raises(NotFoundError, match="X:Y: not found: no server answered"):
        await ask.get("X:Y", 0.1, as_number=False)


@pytest.mark.parametrize(
    ("text", "port"),
    [("5064", 5064), ("0", 0), ("", 0), ("-1", 0), ("65536", 0), ("9" * 5000, 0)],
)
def test_a_port(text: str, port: int) -> None:
    assert port_of(text) == port


def test_name_servers_without_those_that_have_no_port() -> None:
    given = "a b:6064 c:x d:99999 :5064 e:"
    assert name_server.name_servers(given, "7064") == ["a:7064", "b:6064"]
    assert name_server.name_servers("a", "99999") == ["a:5064"]
