"""The demo's instrument as a process of its own: SCPI on TCP, at 127.0.0.1.

    python -m sswd.demo.device --port 0

prints the port as its first line and serves until its standard input ends, so that it
cannot outlive whoever started it with a pipe. Without a pipe or a terminal there
(``< /dev/null``) it serves until a signal. It is one instrument with any number of
sessions; the messages of a session run in order and are answered after a latency.
"""

import argparse
import asyncio
import contextlib
import os
import stat
import sys
import time
from collections.abc import AsyncIterator, Sequence

from sswd.demo.instrument import Instrument
from sswd.demo.scpi import Fault, Interpreter

LATENCY_S = 0.002
OFF_S = 10.0
"""How long its power stays off."""
# Another session may stop the motion that *OPC? waits for, so look again this often.
_OPC_POLL_S = 0.01


class Session:
    """One client's connection. Lives on the loop thread, like everything here."""

    def __init__(self, device: "Device", writer: asyncio.StreamWriter) -> None:
        self._device = device
        self._writer = writer

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Answer message by message until the client leaves."""
        while line := await reader.readline():
            message = line.decode("latin-1").strip()
            if not message:
                continue
            answer = await self._device.execute(message, self)
            if answer is not None:
                self._writer.write(answer + b"\n")
                await self._writer.drain()

    def drop(self) -> None:
        """Close without a word."""
        self._writer.close()


class Device:
    """The server: sessions, latencies and the fault button around an interpreter."""

    def __init__(self, latency_s: float = LATENCY_S, off_s: float = OFF_S) -> None:
        self._interpreter = Interpreter(Instrument(), time.monotonic)
        self._latency_s = latency_s
        self._off_s = off_s
        self._sessions: dict[Session, asyncio.Task[None]] = {}

    @contextlib.asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[int]:
        """Listen on 127.0.0.1 and give the port; 0 takes a free one."""
        server = await asyncio.start_server(self._session, "127.0.0.1", port)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for task in self._sessions.values():
                task.cancel()
            if self._sessions:
                await asyncio.wait(list(self._sessions.values()), timeout=1.0)

    async def execute(self, message: str, session: Session) -> bytes | None:
        """Run one message of a session, with the time it takes; its answer or None."""
        header = message.upper()
        await asyncio.sleep(self._latency_s)
        if header.startswith("*OPC?"):
            await self._wait_until_idle()
        answer = self._interpreter.execute(message)
        if header.startswith("SIM:"):
            if self._interpreter.fault is Fault.DROP:
                self._interpreter.fault = Fault.NONE
                self._drop_all_but(session)
            elif self._interpreter.fault is Fault.OFF and not header.endswith("?"):
                self._power_off(session)
            return answer
        return None if self._interpreter.fault is Fault.HANG else answer

    async def _wait_until_idle(self) -> None:
        while (busy_s := self._interpreter.busy_s()) > 0.0:  # noqa: ASYNC110
            await asyncio.sleep(min(busy_s, _OPC_POLL_S))

    def _drop_all_but(self, presser: Session) -> None:
        for session in self._sessions:
            if session is not presser:
                session.drop()

    def _power_off(self, presser: Session) -> None:
        """All sessions end, new ones end at once, until the power is on again."""
        self._drop_all_but(presser)
        asyncio.get_running_loop().call_later(self._off_s, self._power_on)

    def _power_on(self) -> None:
        self._interpreter.fault = Fault.NONE
        self._interpreter.execute("*RST")

    async def _session(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self._interpreter.fault is Fault.OFF:
            writer.close()
            return
        session = Session(self, writer)
        task = asyncio.current_task()
        assert task is not None
        self._sessions[session] = task
        # A client that vanishes or sends an endless line ends its session, no more;
        # streams (3.11) log a traceback for a session that ends as cancelled.
        with contextlib.suppress(OSError, ValueError, asyncio.CancelledError):
            await session.serve(reader)
        del self._sessions[session]
        writer.close()


async def _stdin_ended() -> None:
    """Return at the end of a standard input that can end, else never."""
    fd = sys.stdin.fileno()
    mode = os.fstat(fd).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(fd)):
        await asyncio.Event().wait()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while await reader.read(4096):
        pass


async def serve(port: int, latency_s: float) -> None:
    """Print the port, then serve until standard input ends."""
    async with Device(latency_s).serving(port) as bound:
        sys.stdout.write(f"{bound}\n")
        sys.stdout.flush()
        await _stdin_ended()


def main(argv: Sequence[str] | None = None) -> int:
    """The command line of ``python -m sswd.demo.device``."""
    parser = argparse.ArgumentParser(
        prog="python -m sswd.demo.device",
        description="A simulated digitizer with a motion stage: SCPI over TCP.",
    )
    parser.add_argument("--port", type=int, default=0, help="0: a free one (default)")
    parser.add_argument("--latency", type=float, default=LATENCY_S, help="s an answer")
    arguments = parser.parse_args(argv)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments.port, arguments.latency))
    return 0


if __name__ == "__main__":
    sys.exit(main())
