"""Each cause is told from evidence, with what to do; and what is well is not blamed."""

import pytest
from msgspec.structs import replace

from sswd.doctor.checks import diagnose
from sswd.doctor.evidence import Asked, Evidence, HostDaemon, Reached, Server

HERE = Server("127.0.0.1", 5064)
THERE = Server("10.0.0.7", 5064)
OTHER = Server("10.0.0.8", 51234)
LO = (("lo", "127.0.0.1", "127.255.255.255"), ("eth0", "10.0.0.7", "10.0.0.255"))
SILENT = Reached(server=THERE, tcp="open", words="no answer in 2 s")
GOOD = Reached(server=THERE, tcp="open", serves=True, dtype=6, count=1)
FOUND = Evidence(
    pv="LAB:X",
    interfaces=LO,
    asked=(
        Asked(
            host="10.0.0.255",
            ip="10.0.0.255",
            port=5064,
            kind="broadcast",
            answers=(THERE,),
        ),
    ),
    reached=(GOOD,),
    has_repeater=True,
)


def unicast(**more: object) -> Asked:
    return replace(Asked(host="ioc7", ip="10.0.0.7", port=5064), **more)


def lost(*asked: Asked, **more: object) -> Evidence:
    return replace(FOUND, asked=asked, reached=(), **more)


def told(evidence: Evidence) -> dict[str, list[str]]:
    """Words and mend of the findings, by level."""
    by_level: dict[str, list[str]] = {"ok": [], "note": [], "wrong": []}
    for finding in diagnose(evidence):
        by_level[finding.level].append(f"{finding.words} -> {finding.mend}")
    return by_level


def test_a_pv_that_is_seen_is_well() -> None:
    said = told(FOUND)
    assert said["wrong"] == said["note"] == []
    assert said["ok"] == [
        "LAB:X is served by 10.0.0.7:5064, found by broadcast 10.0.0.255:5064 -> ",
        "10.0.0.7:5064: TCP connects and the channel is there -> ",
    ]


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (replace(FOUND, pv="LAB: X"), "has a space"),
        (
            replace(FOUND, env={"EPICS_CA_SERVER_PORT": "5064x"}),
            "EPICS_CA_SERVER_PORT='5064x' is no port",
        ),
        (
            lost(env={"EPICS_CA_ADDR_LIST": "10.0.0.7 127.0.0.1:99999"}),
            "EPICS_CA_ADDR_LIST names 127.0.0.1:99999, and '99999' is no port",
        ),
        (
            lost(env={"EPICS_CA_NAME_SERVERS": "ns:abc"}),
            "EPICS_CA_NAME_SERVERS names ns:abc, and 'abc' is no port",
        ),
        (
            replace(FOUND, env={"EPICS_CA_AUTO_ADDR_LIST": "ja"}),
            "'ja' is neither YES nor NO",
        ),
        (lost(), "nothing is searched: EPICS_CA_ADDR_LIST is empty"),
        (lost(unicast(ip=None)), "names ioc7, which no host is called"),
        (
            lost(unicast(error="Network is unreachable")),
            "nothing can be sent to ioc7:5064: Network is unreachable",
        ),
        (lost(unicast()), "LAB:X: no server answered in 2 s; searched at unicast ioc7"),
        (
            lost(unicast(answers=(THERE, OTHER))),
            "2 servers have LAB:X: 10.0.0.7:5064, 10.0.0.8:51234;",
        ),
        (
            lost(unicast(tcp=Reached(server=THERE, tcp="open", serves=True))),
            "has LAB:X, which TCP tells, and does not answer by UDP",
        ),
        (
            replace(FOUND, reached=(Reached(server=OTHER, tcp="silent", words="…"),)),
            "answers UDP, but not TCP: … -> let TCP port 51234 through the firewall",
        ),
        (
            replace(FOUND, reached=(Reached(server=THERE, tcp="open", serves=False),)),
            "answers the search and then refuses the channel",
        ),
        (
            replace(FOUND, reached=(SILENT,)),
            "takes the connection and answers nothing more: no answer in 2 s -> it ha",
        ),
        (
            lost(
                Asked(
                    host="ns",
                    ip="10.0.0.9",
                    port=5064,
                    kind="name server",
                    tcp=Reached(server=THERE, tcp="refused", words="refused"),
                )
            ),
            "name server ns:5064 is not to be reached: refused",
        ),
        (
            lost(
                Asked(
                    host="ns",
                    ip="10.0.0.9",
                    port=5064,
                    kind="name server",
                    tcp=SILENT,
                )
            ),
            "name server ns:5064 does not answer searches by TCP",
        ),
        (
            lost(
                Asked(host="127.0.0.1", ip="127.0.0.1", port=5064),
                udp_sockets={"0.0.0.0": 2},
            ),
            "2 servers of this host share UDP port 5064",
        ),
    ],
)
def test_a_cause_is_told(evidence: Evidence, words: str) -> None:
    said = told(evidence)["wrong"]
    assert any(words in each for each in said), said
    assert not any(each.endswith("-> ") for each in said), "what is wrong has a mend"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (unicast(is_refused=True), "the host is there, and no IOC listens at UDP port"),
        (
            unicast(tcp=Reached(server=THERE, tcp="silent")),
            "neither UDP nor TCP answers there",
        ),
        (
            unicast(tcp=Reached(server=THERE, tcp="open", serves=False)),
            "a server is there, and it has no LAB:X",
        ),
        (
            unicast(tcp=SILENT),
            "takes connections there and answers nothing: no answer in 2 s -> it hangs",
        ),
        (
            unicast(tcp=Reached(server=THERE, tcp="refused")),
            "UDP is silent, and no server has this TCP port",
        ),
    ],
)
def test_what_is_known_of_a_silent_host_is_told(asked: Asked, words: str) -> None:
    assert any(words in each for each in told(lost(asked))["note"])


def test_two_servers_behind_one_address_are_noted_though_one_answers() -> None:
    asked = Asked(host="127.0.0.1", ip="127.0.0.1", port=5064, answers=(HERE,))
    both = replace(FOUND, asked=(asked,), udp_sockets={"127.0.0.1": 2})
    said = told(both)
    assert said["wrong"] == []
    assert "share UDP port 5064" in said["note"][0]


# ---- daemons of this host


def daemon(**more: object) -> HostDaemon:
    of_it = HostDaemon(
        pid=7, prefixes=("LAB:",), port=5064, serves=True, states=("stage FATAL",)
    )
    return replace(of_it, **more)


def test_a_daemon_at_another_port_is_named() -> None:
    its = daemon(port=50001, env={"EPICS_CAS_SERVER_PORT": "6064"})
    said = told(lost(unicast(), daemons=(its,)))
    assert any("LAB:X, on TCP port 50001" in each for each in said["ok"])
    assert any(
        "listens at port 6064, and this client searches at 5064 -> "
        "set EPICS_CA_SERVER_PORT=6064" in each
        for each in said["wrong"]
    ), said


def test_a_daemon_at_another_interface_is_named() -> None:
    its = daemon(env={"EPICS_CAS_INTF_ADDR_LIST": "10.0.0.7"})
    said = told(lost(unicast(), daemons=(its,)))["wrong"]
    words = "it listens at 10.0.0.7 only on port 5064"
    assert any(words in each and "=10.0.0.7:5064" in each for each in said), said


def test_a_daemon_without_the_pv_tells_its_systems() -> None:
    said = told(lost(unicast(), daemons=(daemon(serves=False),)))["wrong"]
    words = "has this prefix and no LAB:X; stage FATAL -> `sswd pvs"
    assert any(words in each for each in said), said
    elsewhere = daemon(prefixes=("ELSE:",), serves=False)
    said = told(lost(unicast(), daemons=(elsewhere,)))["wrong"]
    assert not any("ELSE:" in each for each in said)


def test_a_daemon_that_hangs_is_named() -> None:
    its = HostDaemon(pid=7, prefixes=(), port=0, silence="LAB.sock: the daemon hangs")
    said = told(lost(unicast(), daemons=(its,)))["wrong"]
    assert any("LAB.sock: the daemon hangs -> `sswd stack`" in s for s in said), said


def test_beacons_that_no_repeater_gets() -> None:
    its = daemon(env={"EPICS_CAS_BEACON_PORT": "6065"})
    said = told(replace(FOUND, daemons=(its,)))["wrong"]
    assert any(
        "beacons to port 6065, and this client's repeater has port 5065" in s
        for s in said
    )
    its = daemon(env={"EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO"})
    said = told(replace(FOUND, daemons=(its,)))["note"]
    assert any("sends no beacons" in each for each in said)
    assert told(replace(FOUND, has_repeater=False))["note"]


# ---- arrays


@pytest.mark.parametrize(
    ("env", "level"),
    [
        ({}, "note"),
        ({"EPICS_CA_AUTO_ARRAY_BYTES": "NO"}, "wrong"),
        ({"EPICS_CA_MAX_ARRAY_BYTES": "80000"}, None),
    ],
)
def test_arrays_that_a_client_cannot_take(
    env: dict[str, str], level: str | None
) -> None:
    said = told(replace(FOUND, env=env, reached=(replace(GOOD, count=10000),)))
    for each in ("note", "wrong"):
        found = any("LAB:X has up to 80000 bytes" in s for s in said[each])
        assert found is (each == level)
