"""New connections: accepted, counted, refused in words, also without descriptors."""

import asyncio
import errno
import logging
import os
import resource
import socket
from collections.abc import Iterable
from pathlib import Path

from sswd.ioc.ca.limits import Limits
from sswd.ioc.ca.server.circuits import Circuits
from sswd.ioc.ca.shared import Shared

logger = logging.getLogger(__name__)

BATCH = 32
"""Connections accepted in one turn of the loop."""
RETRY_S = 0.2
FEWEST = 4
_NO_FILES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Acceptor:
    """Listens until `close`. Loop thread only.

    It holds one spare descriptor: when there is no other, that is spent on accepting
    and closing the newcomer, so that clients are told and not left hanging.
    """

    def __init__(
        self, shared: Shared, circuits: Circuits, sockets: Iterable[socket.socket]
    ) -> None:
        self._shared = shared
        self._circuits = circuits
        self._sockets = list(sockets)
        self._loop = asyncio.get_running_loop()
        self._most = _affordable(shared.limits)
        self._spare: int | None = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        for sock in self._sockets:
            self._loop.add_reader(sock, self._on_ready, sock)

    def close(self) -> None:
        """Stop listening."""
        for sock in self._sockets:
            self._loop.remove_reader(sock)
            sock.close()
        self._sockets.clear()
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None

    def _on_ready(self, sock: socket.socket) -> None:
        for _ in range(BATCH):
            try:
                client, address = sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _NO_FILES:
                    self._starved(sock, error)
                    return
                continue  # the client has gone already
            self._welcome(client, address)

    def _welcome(self, client: socket.socket, address: tuple[str, int]) -> None:
        circuits = self._circuits
        if len(circuits) >= self._most and not circuits.close_idlest():
            self._refuse(client, f"{self._most} clients are connected already")
            return
        try:
            client.setblocking(False)
            _set_options(client, self._shared.limits.half_open_s)
            circuits.add(client, address)
        except OSError as error:
            self._refuse(client, str(error))
            return
        logger.debug("client %s:%d connected", *address)

    def _refuse(self, client: socket.socket, why: str) -> None:
        client.close()
        self._shared.counts.connections_refused += 1
        self._shared.limited_log.log(
            logging.WARNING,
            "refused",
            "a client was refused: %s; raise the limit on connections or on open files",
            why,
        )

    def _starved(self, sock: socket.socket, error: OSError) -> None:
        """No descriptor is free: spend the spare one on telling one client."""
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None
            try:
                client, _ = sock.accept()
            except OSError:
                pass  # gone, or the descriptor went elsewhere
            else:
                self._refuse(client, str(error))
        try:
            self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            # Not even that: without a pause the loop would spin on this socket.
            self._loop.remove_reader(sock)
            self._loop.call_later(RETRY_S, self._listen_again, sock)

    def _listen_again(self, sock: socket.socket) -> None:
        if sock in self._sockets:
            self._loop.add_reader(sock, self._on_ready, sock)
            self._on_ready(sock)


def _set_options(client: socket.socket, half_open_s: float) -> None:
    tcp = socket.IPPROTO_TCP
    # Without this a put callback and its monitor take 44 ms instead of 0.5.
    client.setsockopt(tcp, socket.TCP_NODELAY, 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    quarter_s = max(1, round(half_open_s / 4))
    client.setsockopt(tcp, socket.TCP_KEEPIDLE, quarter_s)
    client.setsockopt(tcp, socket.TCP_KEEPINTVL, quarter_s)
    client.setsockopt(tcp, socket.TCP_KEEPCNT, 3)


def _affordable(limits: Limits) -> int:
    """As many clients as wanted, or as the open-files limit leaves room for."""
    wanted = limits.connections
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return wanted
    try:
        in_use = sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:  # no /proc: as a daemon with a few systems
        in_use = limits.reserved_files
    room = max(FEWEST, files - in_use - limits.reserved_files)
    if room < wanted:
        logger.info(
            "the limit of %d open files leaves room for %d of %d clients",
            files,
            room,
            wanted,
        )
    return min(wanted, room)
