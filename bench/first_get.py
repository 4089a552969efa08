"""The moment of the first successful caget from a server that starts.

libca looks for a new server at growing intervals, so it cannot tell this to better than
a quarter of a second; a bare search every few milliseconds can.
"""

import contextlib
import socket
import struct
import time

from bench.host import BenchError

HEADER = struct.Struct(">HHHHII")
VERSION, SEARCH, READ_NOTIFY, CREATE_CHAN = 0, 6, 15, 18
MINOR, DONT_REPLY, DBR_DOUBLE, ECA_NORMAL = 13, 5, 6, 1
LOOK_S = 0.003
REPLY_S = 5.0


def wait_for_get(pv: str, port: int, timeout_s: float) -> float:
    """Search and get until a get succeeds; time.monotonic() then. Raises BenchError."""
    until_s = time.monotonic() + timeout_s
    while time.monotonic() < until_s:
        tcp_port = _search(pv, port)
        if tcp_port is not None:
            with contextlib.suppress(OSError):
                _get(pv, tcp_port)
                return time.monotonic()
        time.sleep(LOOK_S)
    raise BenchError(f"no successful get of {pv} within {timeout_s:g} s")


def _name(pv: str) -> bytes:
    name = pv.encode() + b"\0"
    return name + bytes(-len(name) % 8)


def _search(pv: str, port: int) -> int | None:
    """The TCP port of the server that has `pv`, None when nobody answers at once."""
    name = _name(pv)
    datagram = HEADER.pack(VERSION, 0, 0, MINOR, 0, 0)
    datagram += HEADER.pack(SEARCH, len(name), DONT_REPLY, MINOR, 1, 1) + name
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(LOOK_S)
        try:
            udp.sendto(datagram, ("127.0.0.1", port))
            reply = udp.recv(1024)
        except OSError:
            return None
    for start in range(0, len(reply) - HEADER.size + 1, 8):
        command, _, tcp_port, _, _, _ = HEADER.unpack_from(reply, start)
        if command == SEARCH:
            return int(tcp_port)
    return None


def _get(pv: str, port: int) -> None:
    """One get on a new circuit. Raises OSError when it does not succeed."""
    name = _name(pv)
    with socket.create_connection(("127.0.0.1", port), REPLY_S) as tcp:
        hello = HEADER.pack(VERSION, 0, 0, MINOR, 0, 0)
        create = HEADER.pack(CREATE_CHAN, len(name), 0, 0, 1, MINOR) + name
        tcp.sendall(hello + create)
        sid = _await(tcp, CREATE_CHAN)[1]
        tcp.sendall(HEADER.pack(READ_NOTIFY, 0, DBR_DOUBLE, 1, sid, 1))
        if _await(tcp, READ_NOTIFY)[0] != ECA_NORMAL:
            raise OSError("the get failed")


def _await(tcp: socket.socket, wanted: int) -> tuple[int, int]:
    """Both parameters of the next message of the wanted command."""
    while True:
        command, size, _, _, first, second = HEADER.unpack(_exactly(tcp, HEADER.size))
        _exactly(tcp, size)
        if command == wanted:
            return first, second


def _exactly(tcp: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = tcp.recv(size - len(data))
        if not more:
            raise OSError("hung up")
        data += more
    return data
