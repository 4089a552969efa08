"""Which ports a server uses, which searches reach it, and name servers.

Several servers of one host at the same port are two Contexts in the test's loop.
"""

import asyncio
import errno
import os
import socket
import struct
import sys

import caproto
import pytest
from ca_raw import SEARCH, VERSION, message

from sswd.errors import ConfigError, PortTakenError
from sswd.ioc.ca import Context
from sswd.ioc.ca.server import ports, search_sockets

BROADCAST = "127.255.255.255"
GROUP = "239.255.41.7"
LIBCA = """\
import epics
for name in ("N:one", "N:two"):
    print(epics.caget(name, timeout=20))
"""


def one(name: str, value: float) -> dict[str, caproto.ChannelData]:
    return {name: caproto.ChannelDouble(value=value)}


def search_for(*names: str) -> bytes:
    asked = [
        message(SEARCH, 5, 13, cid, cid, name.encode() + b"\0")
        for cid, name in enumerate(names)
    ]
    return message(VERSION, 0, 13) + b"".join(asked)


async def answers(names: tuple[str, ...], address: tuple[str, int]) -> dict[int, int]:
    """TCP port by the number of the name, of all that answer."""
    found: dict[int, int] = {}
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setsockopt(
            socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1")
        )
        async with asyncio.timeout(10):
            while len(found) < len(names):
                # Again and again, as clients do: a server listens for TCP before UDP.
                sock.sendto(search_for(*names), address)
                try:
                    async with asyncio.timeout(0.1):
                        data = await loop.sock_recv(sock, 2000)
                except TimeoutError:
                    continue
                while data:
                    head = struct.unpack_from("!HHHHII", data)
                    data = data[16 + head[1] :]
                    if head[0] == SEARCH:
                        found[head[5]] = head[2]
    return found


def test_ports_from_the_environment(monkeypatch):
    for name in ports.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert ports.wanted_port() == (5064, None)
    monkeypatch.setenv("EPICS_CA_SERVER_PORT", "6064")
    assert ports.wanted_port() == (6064, "EPICS_CA_SERVER_PORT")
    monkeypatch.setenv("EPICS_CAS_SERVER_PORT", "7064")
    assert ports.wanted_port() == (7064, "EPICS_CAS_SERVER_PORT")
    monkeypatch.setenv("EPICS_CAS_SERVER_PORT", "99999")
    assert ports.wanted_port() == (6064, "EPICS_CA_SERVER_PORT")


async def test_a_variable_that_is_no_number_is_told_in_words(monkeypatch):
    monkeypatch.setenv("EPICS_CAS_SERVER_PORT", "abc")
    with pytest.raises(ConfigError, match=r"EPICS_CAS_SERVER_PORT .*'abc'; correct it"):
        Context({})


async def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of variables have empty ones, and EPICS base takes its default then."""
    for name in ("EPICS_CAS_SERVER_PORT", "EPICS_CA_CONN_TMO", "EPICS_PVA_DEBUG"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("EPICS_CA_SERVER_PORT", "7064")
    assert Context({}).ca_server_port == 7064


async def test_a_taken_port_is_an_error_where_it_was_to_be_exclusive(port, serving):
    async with serving({}):
        with pytest.raises(PortTakenError, match=f"port {port}, set by EPICS_CAS_"):
            await Context({}, exclusive_port=True).run()


@pytest.mark.parametrize("is_set", [True, False])
async def test_a_taken_port_means_another_one(monkeypatch, port, caplog, is_set):
    which = "set by EPICS_CAS_SERVER_PORT"
    if not is_set:
        which = "the default"
        for name in ports.VARIABLES:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(ports, "DEFAULT_PORT", port)
    first = ports.listen(["127.0.0.1"])
    second = ports.listen(["127.0.0.1"])
    for _, sockets in (first, second):
        for sock in sockets.values():
            sock.close()
    assert first[0] == port
    assert second[0] in ports.DYNAMIC_PORTS
    assert f"TCP port {port}, {which}, is taken" in caplog.text
    assert f"EPICS_CA_NAME_SERVERS with port {second[0]}" in caplog.text


@pytest.mark.parametrize("interface", ["203.0.113.1", "10..5"])
async def test_an_interface_that_is_not_there(port, interface):
    words = f"cannot listen at {interface}, an address of EPICS_CAS_INTF_ADDR_LIST: "
    with pytest.raises(PortTakenError, match=words):
        ports.listen([interface])
    with pytest.raises(PortTakenError, match=words):  # by UDP, which is first
        await Context({}, interfaces=[interface]).run()


def test_a_port_for_root_alone(monkeypatch):
    monkeypatch.setenv("EPICS_CAS_SERVER_PORT", "80")
    denied = PermissionError(errno.EACCES, "Permission denied")
    words = "cannot listen on port 80, set by EPICS_CAS_SERVER_PORT: Permission denied"
    with pytest.raises(PortTakenError, match=words):
        ports.refuse_for_good("0.0.0.0", denied)


async def test_a_udp_port_that_is_not_shared_is_told(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as alone:
        alone.bind(("127.0.0.1", port))
        with pytest.raises(PortTakenError, match=f"searches on UDP port {port}: "):
            await Context({}).run()


def test_the_interface_list_has_groups_among_interfaces():
    split = search_sockets.split_groups
    assert split(["10.0.0.5", GROUP]) == (["10.0.0.5"], [GROUP])
    assert split([GROUP]) == (["0.0.0.0"], [GROUP])
    assert split(["a.host", "0.0.0.0"]) == (["a.host", "0.0.0.0"], [])


def test_the_broadcast_address_of_an_interface():
    assert search_sockets.broadcast_of("127.0.0.1") == BROADCAST
    assert search_sockets.broadcast_of("203.0.113.1") is None


@pytest.mark.parametrize("address", [BROADCAST, GROUP])
async def test_all_servers_at_one_port_are_found(port, serving, monkeypatch, address):
    monkeypatch.setenv("EPICS_CAS_INTF_ADDR_LIST", f"127.0.0.1 {GROUP}")
    async with serving(one("N:one", 1)) as first, serving(one("N:two", 2)) as second:
        assert first.port == port != second.port
        found = await answers(("N:one", "N:two"), (address, port))
        assert found == {0: port, 1: second.port}


async def test_a_group_that_cannot_be_joined_is_told_and_left_out(
    port, serving, monkeypatch, caplog
):
    monkeypatch.setattr(search_sockets, "broadcast_of", lambda _: "203.0.113.255")
    async with serving(one("N:one", 1)):
        text = f"no searches by way of 203.0.113.255, UDP port {port}: "
        assert text in caplog.text
        assert await answers(("N:one",), ("127.0.0.1", port)) == {0: port}


async def test_libca_finds_servers_by_name_servers_alone(port, serving):
    async with serving(one("N:one", 1)), serving(one("N:two", 2)) as second:
        env = {
            **os.environ,
            "EPICS_CA_ADDR_LIST": "",
            "EPICS_CA_AUTO_ADDR_LIST": "NO",
            "EPICS_CA_NAME_SERVERS": f"127.0.0.1:{port} 127.0.0.1:{second.port}",
        }
        client = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "ignore", "-c", LIBCA),
            stdout=asyncio.subprocess.PIPE,
            env=env,
        )
        told, _ = await client.communicate()
    assert told.split() == [b"1.0", b"2.0"]


async def test_a_search_by_tcp_is_answered(port, serving, raw):
    async with serving(one("N:one", 1)):
        client = await raw()
        await client.send(message(SEARCH, 10, 13, 5, 5, b"N:one\0"))
        found = await client.receive_until(SEARCH)
        assert (found.dtype, found.p1, found.p2) == (port, 0xFFFFFFFF, 5)
        await client.send(message(SEARCH, 10, 13, 6, 6, b"N:none\0"))
        missing = await client.receive_until(14)  # NOT_FOUND
        assert missing.p2 == 6
