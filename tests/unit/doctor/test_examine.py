"""What is searched: the addresses of the environment, without those that are none."""

import pytest

from sswd.doctor.checks import diagnose
from sswd.doctor.examine import examine
from sswd.testing import loopback_env


@pytest.mark.parametrize("key", ["EPICS_CA_ADDR_LIST", "EPICS_CA_NAME_SERVERS"])
def test_what_can_be_no_host_is_told(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    for name, value in {**loopback_env(), key: "10.0.0..7"}.items():
        monkeypatch.setenv(name, value)
    words = f"{key} names 10.0.0..7, which no host is called"
    told = [f.words for f in diagnose(examine("X:Y", 0.05)) if f.level == "wrong"]
    assert words in told


@pytest.mark.parametrize(
    ("key", "given"),
    [
        ("EPICS_CA_ADDR_LIST", "127.0.0.1:99999"),
        ("EPICS_CA_ADDR_LIST", "127.0.0.1:abc"),
        ("EPICS_CA_ADDR_LIST", "127.0.0.1:"),
        ("EPICS_CA_NAME_SERVERS", "127.0.0.1:99999"),
        ("EPICS_CA_NAME_SERVERS", "127.0.0.1:abc"),
        ("EPICS_CA_SERVER_PORT", "99999"),
        ("EPICS_CA_REPEATER_PORT", "x"),
    ],
)
def test_what_is_no_port_is_told_and_not_searched(
    monkeypatch: pytest.MonkeyPatch, key: str, given: str
) -> None:
    for name, value in {**loopback_env(), key: given}.items():
        monkeypatch.setenv(name, value)
    found = examine("X:Y", 0.05)
    port = given.rpartition(":")[2]
    words = f"{port!r} is no port"
    assert any(words in f.words and f.level == "wrong" for f in diagnose(found))
    lists_only = [asked for asked in found.asked if str(asked.port) == port]
    assert lists_only == []
    if key == "EPICS_CA_ADDR_LIST":
        assert found.asked == ()
