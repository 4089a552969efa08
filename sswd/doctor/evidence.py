"""What was found out about a PV and the ways to it, as data. Pure."""

from collections.abc import Iterator
from typing import Literal, TypeAlias

from msgspec import Struct

from sswd.ioc.client.environment import port_of, search_port

REPEATER_PORT = 5065
Kind: TypeAlias = Literal["unicast", "broadcast", "multicast", "name server"]
Tcp: TypeAlias = Literal["open", "refused", "silent", "unreachable", "not tried"]


class Server(Struct, frozen=True, order=True):
    """A Channel Access server, by the address of its TCP side."""

    ip: str
    port: int

    def __str__(self) -> str:
        return f"{self.ip}:{self.port}"


class Reached(Struct, frozen=True, kw_only=True):
    """What a TCP connection to a server told."""

    server: Server
    tcp: Tcp = "not tried"
    words: str = ""
    """Why it is not open, as the kernel says; or why it did not answer."""
    serves: bool | None = None
    """Whether it has the PV; None: it did not answer that."""
    dtype: int = 0
    """Native type of the channel, a number of DBR types."""
    count: int = 0
    """Elements of the channel."""


class Asked(Struct, frozen=True, kw_only=True):
    """One address of the search, and what came of it."""

    host: str
    """As the environment names it."""
    port: int
    kind: Kind = "unicast"
    ip: str | None = None
    """None: nobody knows the name."""
    is_refused: bool = False
    """The host told that nothing listens at this UDP port."""
    error: str = ""
    """Why nothing could be sent."""
    answers: tuple[Server, ...] = ()
    """Servers that said that they have the PV."""
    tcp: Reached | None = None
    """Of a unicast address that did not answer: its TCP side at the same port."""

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class HostDaemon(Struct, frozen=True, kw_only=True):
    """A daemon of sswd on this host."""

    pid: int
    """0: not known."""
    prefixes: tuple[str, ...]
    port: int
    """Its TCP port; 0: it does not serve yet."""
    env: dict[str, str] = {}
    """Its EPICS variables; empty: they are not for us to read."""
    serves: bool | None = None
    """Whether it has the PV; None: it was not asked."""
    states: tuple[str, ...] = ()
    """ "stage RUNNING", of each system."""
    silence: str = ""
    """That it does not answer, in words; all but `pid` is unknown then."""


class Evidence(Struct, frozen=True, kw_only=True):
    """All of it."""

    pv: str = ""
    """Empty: no PV was named."""
    waited_s: float = 2.0
    env: dict[str, str] = {}
    """EPICS variables of the client."""
    interfaces: tuple[tuple[str, str, str], ...] = ()
    """(name, address, broadcast address or "") of this host."""
    asked: tuple[Asked, ...] = ()
    reached: tuple[Reached, ...] = ()
    """Of each server that said that it has the PV."""
    udp_sockets: dict[str, int] = {}
    """How many sockets of this host are bound to the search's port, by address."""
    has_repeater: bool | None = None
    """Whether a repeater has this host's repeater port; None: it cannot be told."""
    daemons: tuple[HostDaemon, ...] = ()

    @property
    def servers(self) -> list[Server]:
        """Those that said that they have the PV."""
        return sorted({server for asked in self.asked for server in asked.answers})

    @property
    def is_found(self) -> bool:
        """Whether any way of the environment leads to the PV."""
        return bool(self.servers)

    def port(self, name: str, default: int) -> int:
        """A port of the environment, or the default one."""
        return port_of(self.env.get(name, "")) or default

    @property
    def ca_port(self) -> int:
        """The port that is searched at unless an address has one of its own."""
        return search_port(self.env)

    def own(self) -> Iterator[str]:
        """Addresses of this host."""
        yield from (address for _, address, _ in self.interfaces)


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is well, worth knowing, or wrong."""

    level: Literal["ok", "note", "wrong"]
    words: str
    mend: str = ""


def ok(words: str) -> Finding:
    """Something that is as it should be."""
    return Finding(level="ok", words=words)


def note(words: str, mend: str = "") -> Finding:
    """Something to know, which need not be the cause."""
    return Finding(level="note", words=words, mend=mend)


def wrong(words: str, mend: str) -> Finding:
    """A cause, and what to do about it."""
    return Finding(level="wrong", words=words, mend=mend)
