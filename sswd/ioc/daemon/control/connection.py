"""One client of the control socket: requests in, answers out, all in bounds.

A request is MAX_REQUEST bytes at most and comes within IDLE_S. One that is no request
is answered in words, and the connection goes on; after one that is too long it ends. A
client that takes no answers for WRITE_S is dropped.

Threading model: the loop's own; one task a connection.
"""

import asyncio
import logging
from collections.abc import Coroutine

from sswd.control.protocol import (
    MAX_REQUEST,
    Answer,
    AnyRequest,
    Call,
    End,
    Error,
    Logs,
    Refused,
    Reload,
    Stack,
    Watch,
    line_of,
    request_of,
)
from sswd.ioc.daemon.control.answers import Answers

log = logging.getLogger("sswd.ioc")

IDLE_S = 60.0
WRITE_S = 10.0
UNSENT_BYTES = 256 << 10
WAIT = (Call, Logs, Reload, Stack, Watch)
"""Requests whose answer may take long; it ends when the client hangs up. What a Call
has begun goes on, as a put of Channel Access does."""


class _LostError(Exception):
    """The client cannot be told anything."""


def _stays(request: AnyRequest) -> bool:
    """Whether its client may be there for ever."""
    return isinstance(request, Call | Watch) or (
        isinstance(request, Logs) and request.follow
    )


class Connection:
    """Serves one client until it hangs up."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answers: Answers,
        who: str,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._answers = answers
        self._who = who
        self._full = ""
        writer.transport.set_write_buffer_limits(high=UNSENT_BYTES)

    def refuse_to_stay(self, words: str) -> None:
        """Refuse, with these words, what may take for ever."""
        self._full = words

    async def serve(self) -> None:
        """Until the end of the connection, whoever ends it. Raises CancelledError."""
        try:
            while line := await self._line():
                await self._answer(line)
        except (OSError, TimeoutError, _LostError):
            self._writer.transport.abort()
        finally:
            self._writer.close()

    async def _line(self) -> bytes:
        """The next request; empty: there is none."""
        async with asyncio.timeout(IDLE_S):
            try:
                return await self._reader.readuntil()
            except asyncio.IncompleteReadError:
                return b""
            except asyncio.LimitOverrunError:
                words = f"a request has {MAX_REQUEST} bytes at most"
                await self._write(Error(words=words))
                return b""

    async def _answer(self, line: bytes) -> None:
        try:
            request = request_of(line)
        except Refused as ex:
            await self._write(Error(words=str(ex)))
            return
        if self._full and _stays(request):
            await self._write(Error(words=self._full))
        elif isinstance(request, WAIT):
            await self._while_connected(self._send(request))
        else:
            await self._send(request)

    async def _while_connected(self, sending: Coroutine[None, None, None]) -> None:
        """Send until that ends, or until the client hangs up or says anything."""
        tasks = [
            asyncio.create_task(sending),
            asyncio.create_task(self._reader.read(1)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        if not tasks[0].cancelled():
            tasks[0].result()

    async def _send(self, request: AnyRequest) -> None:
        answers = self._answers.to(request, self._who)
        end = End()
        try:
            async for answer in answers:
                if isinstance(answer, End):
                    end = answer
                else:
                    await self._write(answer)
        except Refused as ex:
            await self._write(Error(words=str(ex), code=ex.code))
        except _LostError:
            raise
        except Exception as ex:  # one request may not end the daemon
            log.exception("control request %r failed", request)
            await self._write(Error(words=f"{type(ex).__name__}: {ex}", code="failed"))
        else:
            await self._write(end)
        finally:
            await answers.aclose()

    async def _write(self, answer: Answer) -> None:
        self._writer.write(line_of(answer))
        if self._writer.transport.get_write_buffer_size() > UNSENT_BYTES:
            try:
                async with asyncio.timeout(WRITE_S):
                    await self._writer.drain()
            except (OSError, TimeoutError) as ex:
                raise _LostError from ex
