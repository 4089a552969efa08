"""Waits for a RecCeiver's announcement, tells it the PVs, and answers its pings.

PVs that come later are told by the same connection. A RecCeiver that is lost is waited
for again; one that cannot be understood harms nobody.

Threading model: the loop's own.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

import caproto

from sswd.ioc.ca import Data
from sswd.ioc.daemon.recsync import messages
from sswd.ioc.daemon.recsync.messages import Announcement
from sswd.ioc.daemon.recsync.records import Told, news

log = logging.getLogger("sswd.ioc")

CONNECT_S = 10.0
SILENT_S = 80.0
"""A RecCeiver that has not pinged for so long is gone, as in EPICS's RecCaster."""
LOOK_S = 1.0
"""How often it is looked for new PVs."""
PORTION = 200
"""Records that are told in one turn of the loop."""
AGAIN_S = 1.0
FOREIGN_S = 0.01
"""Pause after what is no announcement, so that a flood of it leaves the loop free."""


class Caster:
    """Tells RecCeivers of one IOC, one at a time."""

    def __init__(
        self,
        pvdb: Mapping[str, Data],
        infos: Callable[[], Mapping[str, str]],
        *,
        port: int,
    ) -> None:
        """`infos` is asked at each connection: what is told of the IOC."""
        self._pvdb = pvdb
        self._infos = infos
        self._port = port
        self._failed = ""
        self.is_synchronized = False
        """Whether a RecCeiver has everything now."""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                receiver = await self._announced()
                await self._tell(receiver)
            except (OSError, ValueError, EOFError, TimeoutError) as error:
                self._tell_failure(error)
            finally:
                self.is_synchronized = False
            await asyncio.sleep(AGAIN_S)

    def _tell_failure(self, error: Exception) -> None:
        words = str(error) or type(error).__name__
        if words != self._failed:  # once, not every 15 s
            self._failed = words
            log.warning("RecSync: %s; waiting for the next announcement", words)

    async def _announced(self) -> Announcement:
        """The next announcement. Raises OSError."""
        loop = asyncio.get_running_loop()
        sock = caproto.bcast_socket()  # shared with the other IOCs of the host
        try:
            sock.setblocking(False)
            sock.bind(("", self._port))
            while True:
                data, sender = await loop.sock_recvfrom(sock, 2048)
                if (found := messages.announcement(data, sender[0])) is not None:
                    return found
                await asyncio.sleep(FOREIGN_S)  # sock_recvfrom alone need not yield
        finally:
            sock.close()

    async def _tell(self, receiver: Announcement) -> None:
        """One connection, to its end. Raises OSError, ValueError, EOFError."""
        where = f"{receiver.host}:{receiver.port}"
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(receiver.host, receiver.port)
        try:
            writer.write(messages.greeting(receiver.key))
            async with asyncio.timeout(CONNECT_S):
                kind, _ = await _receive(reader)
            if kind != messages.SERVER_GREETING:
                raise ValueError(f"{where} does not greet as a RecCeiver")
            for key, value in self._infos().items():
                writer.write(messages.add_info(messages.IOC, key, value))
            told = Told()
            await self._upload(writer, told)
            self._failed = ""
            log.info("RecSync: %s knows %d PVs", where, len(told.names))
            await self._stay(reader, writer, told)
            raise ConnectionError(f"{where} has hung up")
        finally:
            writer.transport.abort()

    async def _upload(self, writer: asyncio.StreamWriter, told: Told) -> None:
        for count, message in enumerate(news(self._pvdb, told), 1):
            writer.write(message)
            if count % PORTION == 0:
                await _drain(writer)
                await asyncio.sleep(0)  # others have a turn even if nothing blocks
        writer.write(messages.upload_done())
        await _drain(writer)
        self.is_synchronized = True

    async def _stay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, told: Told
    ) -> None:
        """Answer pings and tell of new PVs until the RecCeiver hangs up."""
        answering = asyncio.ensure_future(_answer_pings(reader, writer))
        try:
            while not answering.done():
                await asyncio.wait({answering}, timeout=LOOK_S)
                for message in news(self._pvdb, told):
                    writer.write(message)
                await _drain(writer)
            answering.result()
        finally:
            answering.cancel()
            await asyncio.wait({answering})


async def _answer_pings(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    while True:
        try:
            async with asyncio.timeout(SILENT_S):
                kind, body = await _receive(reader)
        except asyncio.IncompleteReadError:
            return
        if kind == messages.PING:
            writer.write(messages.pong(body))
            await _drain(writer)


async def _receive(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    kind, size = messages.header(await reader.readexactly(messages.HEADER.size))
    return kind, await reader.readexactly(size)


async def _drain(writer: asyncio.StreamWriter) -> None:
    """Until the RecCeiver has taken what waits. Raises OSError, TimeoutError."""
    async with asyncio.timeout(CONNECT_S):
        await writer.drain()
