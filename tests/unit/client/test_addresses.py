"""Where is searched by UDP."""

import pytest

from sswd.ioc.client.addresses import interfaces, listed

SUBNETS = ("10.0.1.255", "10.0.0.255", "127.255.255.255")
AUTO = [("10.0.0.255", 5064), ("10.0.1.255", 5064)]


@pytest.mark.parametrize(
    ("given", "auto", "port", "found"),
    [
        ("", "", "", AUTO),
        ("", "YES", "x", AUTO),
        ("", "NO", "", []),
        ("a b:6064 a", "NO", "7064", [("a", 7064), ("b", 6064)]),
        ("a:x b:99999 c:", "NO", "", []),
        ("a 10.0.0.255", "YES", "", [("a", 5064), *AUTO]),
    ],
)
def test_the_list_of_the_environment(
    given: str, auto: str, port: str, found: list[tuple[str, int]]
) -> None:
    env = {
        "EPICS_CA_ADDR_LIST": given,
        "EPICS_CA_AUTO_ADDR_LIST": auto,
        "EPICS_CA_SERVER_PORT": port,
    }
    assert sorted(listed(env, SUBNETS)) == sorted(found)


def test_without_a_subnet_this_host_is_searched() -> None:
    assert listed({}, ["127.255.255.255"]) == [("127.0.0.1", 5064)]


def test_loopback_is_an_interface_with_a_broadcast_address() -> None:
    assert ("lo", "127.0.0.1", "127.255.255.255") in interfaces()
