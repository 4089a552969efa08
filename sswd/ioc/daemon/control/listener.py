"""The control socket: made at the start, removed at the end, for its owner and root.

Its name is that of the lock of the first prefix, which is held: what lies there already
is left by a daemon that was killed. Without a socket the daemon serves all the same.

Threading model: the loop's own.
"""

import asyncio
import contextlib
import logging
import os
import socket
from pathlib import Path

from sswd.control.places import may_ask, peer_of, short_path, user_name
from sswd.control.protocol import MAX_REQUEST, Error, line_of
from sswd.ioc.ca.loglimit import LimitedLog
from sswd.ioc.daemon.control.answers import Answers
from sswd.ioc.daemon.control.connection import Connection

log = logging.getLogger("sswd.ioc")

MAX_CLIENTS = 32
SPARE = 8
"""More clients, who may not stay: forgotten watches do not lock `status` out."""
BACKLOG = 64
LOG_PERIOD_S = 10.0


class Listener:
    """Accepts the clients of the control socket."""

    def __init__(self, path: Path, answers: Answers) -> None:
        self._path = path
        self._answers = answers
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self._log = LimitedLog(log, LOG_PERIOD_S)

    async def open(self) -> None:
        """Listen from now on; a failure is logged."""
        try:
            listening = _listening(self._path)
        except OSError as ex:
            log.warning("no control socket at %s: %s", self._path, ex)
            return
        self._server = await asyncio.start_server(
            self._accept, sock=listening, limit=MAX_REQUEST
        )

    async def close(self) -> None:
        """Hang up on everybody and remove the socket."""
        if self._server is None:
            return
        self._server.close()
        with contextlib.suppress(OSError):
            self._path.unlink()
        for client in self._clients:
            client.cancel()
        if self._clients:
            await asyncio.wait(self._clients)

    async def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        refusal, who = self._refusal(writer)
        if refusal:
            self._log.log(logging.WARNING, "control", "control socket: %s", refusal)
            writer.write(line_of(Error(words=refusal)))
            writer.close()
            return
        is_spare = len(self._clients) >= MAX_CLIENTS
        self._clients.add(task)
        try:
            connection = Connection(reader, writer, self._answers, who)
            if is_spare:
                connection.refuse_to_stay(_full())
            await connection.serve()
        except asyncio.CancelledError:
            pass  # by `close`; Python 3.11 would log a handler that ends as cancelled
        finally:
            self._clients.discard(task)

    def _refusal(self, writer: asyncio.StreamWriter) -> tuple[str, str]:
        """(words, "") for a client that is not served, else ("", who it is)."""
        pid, uid = peer_of(writer.get_extra_info("socket"))
        if not may_ask(uid):
            return f"user id {uid} may not ask this daemon (pid {pid} tried)", ""
        if len(self._clients) >= MAX_CLIENTS + SPARE:
            return _full(SPARE), ""
        return "", f"{user_name(uid)}@localhost (pid {pid})"


def _full(spare: int = 0) -> str:
    return f"{MAX_CLIENTS + spare} clients are connected already"


def _listening(path: Path) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        with short_path(path) as address:
            listening.bind(address)
            os.chmod(address, 0o600, follow_symlinks=True)  # noqa: PTH101 (as bound)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening
