"""What follows from the evidence, and what to do. Pure: one function for each cause.

Each yields findings. CHECKS has their order: what is nearest to the client first.
"""

from collections.abc import Callable, Iterator

from sswd.doctor.evidence import (
    REPEATER_PORT,
    Asked,
    Evidence,
    Finding,
    Reached,
    note,
    ok,
    wrong,
)
from sswd.ioc.client.environment import SERVER_PORT, wrong_ports

Check = Callable[[Evidence], Iterator[Finding]]
PORTS = (SERVER_PORT, "EPICS_CA_REPEATER_PORT")
LONGEST_NAME = 60
OLD_ARRAY_BYTES = 16384
DYNAMIC_PORTS = 49152
ELEMENT_BYTES = (40, 2, 4, 2, 1, 4, 8)
HANGS_OR_OLD = (
    "it hangs, or is no Channel Access server of EPICS 3.14.12 or newer: look into "
    "that IOC's log"
)
ANY = "0.0.0.0"  # noqa: S104 - compared with


def name(e: Evidence) -> Iterator[Finding]:
    """The PV's name itself."""
    record = e.pv.partition(".")[0]
    if any(c.isspace() or not c.isprintable() for c in e.pv):
        words = f"the name {e.pv!r} has a space or a character that does not print"
        yield wrong(words, "write it without")
    elif len(record) > LONGEST_NAME:
        words = f"the name has {len(record)} characters, EPICS records have at most "
        yield note(f"{words}{LONGEST_NAME}", "look whether it is cut somewhere")


def environment(e: Evidence) -> Iterator[Finding]:
    """Variables that say nothing, or nothing that is meant."""
    are_ports = True
    for words, mend in wrong_ports(e.env, PORTS):
        are_ports = False
        yield wrong(words, mend)
    auto = e.env.get("EPICS_CA_AUTO_ADDR_LIST", "")
    if auto and auto.upper() not in ("YES", "NO"):
        words = f"EPICS_CA_AUTO_ADDR_LIST={auto!r} is neither YES nor NO"
        yield wrong(words, "set it to YES or NO")
    if not e.asked and are_ports:
        yield wrong(
            "nothing is searched: EPICS_CA_ADDR_LIST is empty, "
            "EPICS_CA_AUTO_ADDR_LIST=NO, and there is no name server",
            "set EPICS_CA_ADDR_LIST to the IOC's host or its subnet's broadcast "
            "address, or EPICS_CA_AUTO_ADDR_LIST=YES",
        )


def addresses(e: Evidence) -> Iterator[Finding]:
    """Addresses of the search that lead nowhere."""
    for asked in e.asked:
        what = "EPICS_CA_ADDR_LIST"
        if asked.kind == "name server":
            what = "EPICS_CA_NAME_SERVERS"
        if asked.ip is None:
            words = f"{what} names {asked.host}, which no host is called"
            yield wrong(words, "correct the name, or write its address in numbers")
        elif asked.error:
            yield wrong(
                f"nothing can be sent to {asked}: {asked.error}",
                "look at the routes of this host (`ip route`)",
            )


def found(e: Evidence) -> Iterator[Finding]:
    """Who has the PV, by which address."""
    for asked in e.asked:
        for server in asked.answers:
            yield ok(f"{e.pv} is served by {server}, found by {asked.kind} {asked}")
    if e.pv and not e.is_found and e.asked:
        where = ", ".join(f"{asked.kind} {asked}" for asked in e.asked)
        yield wrong(
            f"{e.pv}: no server answered in {e.waited_s:g} s; searched at {where}",
            "see below; if nothing below is wrong, no IOC that these addresses reach "
            "has a PV of this name: look at the spelling, and whether the IOC runs",
        )


def several(e: Evidence) -> Iterator[Finding]:
    """Two servers that both claim the PV."""
    if len(e.servers) > 1:
        yield wrong(
            f"{len(e.servers)} servers have {e.pv}: {', '.join(map(str, e.servers))}; "
            "each client reaches the one that answers first",
            "give one of the two IOCs another prefix; a gateway between is one of "
            "them if its other side is in the same search",
        )


def unicast(e: Evidence) -> Iterator[Finding]:
    """A host that was asked by its own address and did not answer."""
    for asked in e.asked:
        is_told = asked.answers or asked.error or asked.ip is None
        if asked.kind != "unicast" or is_told:
            continue
        if e.pv:
            yield from _without_answer(e, asked)
        elif asked.is_refused:
            yield note(f"{asked}: nothing listens at this UDP port")


def _without_answer(e: Evidence, asked: Asked) -> Iterator[Finding]:
    tcp = asked.tcp
    if asked.is_refused:
        yield note(
            f"{asked}: the host is there, and no IOC listens at UDP port {asked.port}",
            f"start the IOC, or search at its port: EPICS_CA_SERVER_PORT or "
            f"{asked.host}:PORT in EPICS_CA_ADDR_LIST",
        )
    elif tcp is None or tcp.tcp in ("silent", "unreachable"):
        yield note(
            f"{asked}: neither UDP nor TCP answers there"
            + (f" ({tcp.words})" if tcp is not None and tcp.words else ""),
            f"look whether the host is up (`ping {asked.host}`); a firewall on it or "
            f"on the way must let UDP and TCP port {asked.port} through",
        )
    elif tcp.serves:
        yield wrong(
            f"{asked} has {e.pv}, which TCP tells, and does not answer by UDP: a "
            "firewall drops UDP, or another server of that host shares the UDP port "
            "and got the search",
            f"set EPICS_CA_NAME_SERVERS={asked}, or search that subnet by broadcast; "
            f"let UDP port {asked.port} through",
        )
    elif tcp.tcp == "open" and tcp.serves is None:
        yield note(
            f"{asked}: a server takes connections there and answers nothing: "
            f"{tcp.words}",
            HANGS_OR_OLD,
        )
    elif tcp.tcp == "open":
        yield note(
            f"{asked}: a server is there, and it has no {e.pv}",
            "another IOC of that host may have it: it shares this UDP port, where a "
            "search at the host's own address reaches one of them only; search by "
            "broadcast, or set EPICS_CA_NAME_SERVERS to that host and each TCP port",
        )
    else:
        yield note(f"{asked}: UDP is silent, and no server has this TCP port")


def names_by_tcp(e: Evidence) -> Iterator[Finding]:
    """Name servers that do not answer."""
    for asked in e.asked:
        if asked.kind == "name server" and asked.tcp is not None:
            if asked.tcp.tcp != "open":
                words = f"name server {asked} is not to be reached: {asked.tcp.words}"
                yield wrong(words, "start it, or take it from EPICS_CA_NAME_SERVERS")
            elif asked.tcp.serves is None:
                yield wrong(
                    f"name server {asked} does not answer searches by TCP: "
                    f"{asked.tcp.words}",
                    HANGS_OR_OLD,
                )


def circuits(e: Evidence) -> Iterator[Finding]:
    """Servers that answer the search, and cannot be connected."""
    for reached in e.reached:
        server = reached.server
        if reached.tcp == "open" and reached.serves:
            yield ok(f"{server}: TCP connects and the channel is there")
        elif reached.tcp == "open" and reached.serves is None:
            yield wrong(
                f"{server} answers the search, takes the connection and answers "
                f"nothing more: {reached.words}",
                "it hangs, or has too many clients: look into that IOC's log",
            )
        elif reached.tcp == "open":
            yield wrong(
                f"{server} answers the search and then refuses the channel",
                "look into that IOC's log: it may have too many clients",
            )
        else:
            yield wrong(
                f"{server} answers UDP, but not TCP: {reached.words}", _tcp(reached)
            )


def _tcp(reached: Reached) -> str:
    port = reached.server.port
    mend = f"let TCP port {port} through the firewall of {reached.server.ip}"
    if port >= DYNAMIC_PORTS:
        mend += (
            "; it was chosen by the IOC because its own was taken, and is another one "
            "after each start: give that IOC a port of its own by EPICS_CAS_SERVER_PORT"
        )
    return mend


def shared(e: Evidence) -> Iterator[Finding]:
    """Several servers of this host behind one address."""
    own = {*e.own(), "127.0.0.1"}
    for asked in e.asked:
        if asked.kind != "unicast" or asked.ip not in own or asked.port != e.ca_port:
            continue
        there = e.udp_sockets.get(asked.ip, 0) + e.udp_sockets.get(ANY, 0)
        if there < 2:
            continue
        words = (
            f"{there} servers of this host share UDP port {asked.port}, and a search "
            f"at {asked} reaches one of them only"
        )
        mend = "search by broadcast (127.255.255.255 within this host), or set "
        mend += "EPICS_CA_NAME_SERVERS to each server's TCP port"
        if e.pv and not e.is_found:
            yield wrong(words, mend)
        else:
            yield note(words, mend)


def daemons(e: Evidence) -> Iterator[Finding]:
    """Daemons of sswd on this host that have the PV, or might."""
    for daemon in e.daemons:
        if daemon.silence:
            yield wrong(
                daemon.silence,
                "`sswd stack` has its stacks written into its log; then restart it, or "
                "let it go on with `kill -CONT` if somebody has stopped it",
            )
            continue
        who = f"the daemon of {', '.join(daemon.prefixes)} (pid {daemon.pid})"
        is_its = any(p and e.pv.startswith(p) for p in daemon.prefixes)
        if daemon.serves:
            yield ok(f"{who} has {e.pv}, on TCP port {daemon.port}")
            if not e.is_found:
                yield from _not_searched(e, who, daemon.port, daemon.env)
        elif e.pv and is_its and daemon.serves is not None:
            yield wrong(
                f"{who} has this prefix and no {e.pv}; {', '.join(daemon.states)}",
                "`sswd pvs FILE.toml` lists what the file declares; a PV that only the "
                "class declares is there once its worker has begun",
            )
        elif not e.pv:
            yield ok(f"{who} serves on TCP port {daemon.port}")


def _not_searched(
    e: Evidence, who: str, tcp_port: int, env: dict[str, str]
) -> Iterator[Finding]:
    given = env.get("EPICS_CAS_SERVER_PORT") or env.get("EPICS_CA_SERVER_PORT") or ""
    port = int(given) if given.isdecimal() else tcp_port
    if port != e.ca_port:
        yield wrong(
            f"{who} listens at port {port}, and this client searches at {e.ca_port}",
            f"set EPICS_CA_SERVER_PORT={port} for this client, or write HOST:{port} "
            "in EPICS_CA_ADDR_LIST",
        )
        return
    interfaces = env.get("EPICS_CAS_INTF_ADDR_LIST", "")
    listens = f" at {interfaces} only" if interfaces else ""
    yield wrong(
        f"{who} was not reached by the search; it listens{listens} on port {port}",
        f"search at an address where it listens, or set "
        f"EPICS_CA_NAME_SERVERS={interfaces.split()[0] if interfaces else '127.0.0.1'}"
        f":{tcp_port}",
    )


def arrays(e: Evidence) -> Iterator[Finding]:
    """Arrays that old clients cannot take."""
    for reached in e.reached:
        if reached.count <= 0 or reached.dtype >= len(ELEMENT_BYTES):
            continue
        size = reached.count * ELEMENT_BYTES[reached.dtype]
        most = e.env.get("EPICS_CA_MAX_ARRAY_BYTES", "")
        limit = int(most) if most.isdecimal() else OLD_ARRAY_BYTES
        if size <= limit:
            continue
        words = f"{e.pv} has up to {size} bytes, EPICS_CA_MAX_ARRAY_BYTES is {limit}"
        mend = f"set EPICS_CA_MAX_ARRAY_BYTES={size + 100} for the client"
        if e.env.get("EPICS_CA_AUTO_ARRAY_BYTES", "").upper() == "NO":
            yield wrong(f"{words} and EPICS_CA_AUTO_ARRAY_BYTES=NO", mend)
        else:
            yield note(f"{words}: clients before EPICS 7 need more", mend)


def repeater(e: Evidence) -> Iterator[Finding]:
    """What tells clients that an IOC has come back."""
    port = e.port("EPICS_CA_REPEATER_PORT", REPEATER_PORT)
    if e.has_repeater is False:
        yield note(
            f"no CA repeater has UDP port {port} of this host: libca starts one with "
            "its first client; without it a client hears of an IOC that starts later "
            "only when it searches again, which may take minutes",
        )
    for daemon in e.daemons:
        if not daemon.env:
            continue
        given = daemon.env.get("EPICS_CAS_BEACON_PORT") or daemon.env.get(
            "EPICS_CA_REPEATER_PORT", ""
        )
        sent = int(given) if given.isdecimal() else REPEATER_PORT
        if daemon.serves and sent != port:
            yield wrong(
                f"the daemon (pid {daemon.pid}) sends beacons to port {sent}, and this "
                f"client's repeater has port {port}",
                "give EPICS_CA_REPEATER_PORT one value for both",
            )
        is_auto = daemon.env.get("EPICS_CAS_AUTO_BEACON_ADDR_LIST", "YES")
        has_list = daemon.env.get("EPICS_CAS_BEACON_ADDR_LIST", "").strip()
        if is_auto.upper() == "NO" and not has_list:
            yield note(
                f"the daemon (pid {daemon.pid}) sends no beacons: clients find it "
                "late after a restart",
                "set EPICS_CAS_BEACON_ADDR_LIST for it",
            )


CHECKS: tuple[Check, ...] = (
    name,
    environment,
    addresses,
    found,
    several,
    circuits,
    unicast,
    names_by_tcp,
    shared,
    daemons,
    arrays,
    repeater,
)


def diagnose(e: Evidence) -> list[Finding]:
    """All findings, in the order of CHECKS."""
    return [finding for check in CHECKS for finding in check(e)]
