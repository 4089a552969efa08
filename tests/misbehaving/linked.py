"""Drivers of a TCP instrument, as laboratories write them; the instrument fails."""

import asyncio
import socket
import time
from typing import ClassVar

from sswd import System, every

PERIOD_S = 0.1
TIMEOUT_S = 0.3
PVS = {
    "T": {"type": "float"},
    "LEVEL": {"type": "float"},
    "SETPOINT": {"type": "float", "value": 300.0, "writable": True},
    "NOTE": {"type": "str"},
}


class Client:
    """A session that asks and waits."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        self.lines = self.socket.makefile("rb")

    def ask(self, line: str) -> str:
        """An answer that did not come in time must not be taken for the next one."""
        answer = b""
        try:
            self.socket.sendall(line.encode() + b"\n")
            answer = self.lines.readline()
        finally:
            if not answer.endswith(b"\n"):
                self.close()
        if not answer.endswith(b"\n"):
            raise ConnectionError(f"{line}: the instrument closed the connection")
        return answer.decode().strip()

    def close(self) -> None:
        self.lines.close()
        self.socket.close()


class Reads(System):
    """What every driver of this file has."""

    pvs: ClassVar = PVS
    client: Client

    def __init__(self, port: int) -> None:
        self.port = port
        self.target = 300.0

    @every(PERIOD_S)
    def read_temperature(self) -> None:
        self.io_put("T", float(self.client.ask("READ?")))

    @every(PERIOD_S)
    def read_level(self) -> None:
        self.io_put("LEVEL", float(self.client.ask("LEVEL?")))

    def on_setpoint(self, value: float) -> None:
        self.client.ask(f"SET {value}")
        self.target = value

    def on_cmd(self, text: str) -> None:
        word, _, seconds = text.partition(" ")
        if word == "sleep":
            time.sleep(float(seconds))
        elif word == "ask":
            self.io_put("message", self.client.ask(seconds))


class Reconnects(Reads):
    """As it should be."""

    def connect(self) -> None:
        self.client = Client(self.port)

    def disconnect(self) -> None:
        self.client.close()

    def setup(self) -> None:
        self.client.ask(f"SET {self.target}")
        self.io_put("NOTE", "set up")


class Pings(Reconnects):
    """Nothing is polled; a ping finds the dead link."""

    ping_s = 0.1
    read_temperature = None
    read_level = None

    def ping(self) -> None:
        self.client.ask("READ?")


class Stubborn(Reads):
    """Opens its socket in setup: only a restart helps."""

    def setup(self) -> None:
        self.client = Client(self.port)


class Beside(Reconnects):
    """Its readbacks run beside commands, over a session of their own."""

    read_level = None

    def connect(self) -> None:
        super().connect()
        self.second = Client(self.port)

    @every(PERIOD_S, beside_commands=True)
    def read_temperature(self) -> None:
        self.io_put("T", float(self.second.ask("READ?")))


class Awaits(System):
    """The same with asyncio's streams."""

    pvs: ClassVar = PVS

    def __init__(self, port: int) -> None:
        self.port = port

    async def connect(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def disconnect(self) -> None:
        self.writer.close()

    async def ask(self, line: str) -> str:
        self.writer.write(line.encode() + b"\n")
        answer = await asyncio.wait_for(self.reader.readline(), TIMEOUT_S)
        if not answer.endswith(b"\n"):
            raise ConnectionError("closed")
        return answer.decode().strip()

    @every(PERIOD_S)
    async def read_temperature(self) -> None:
        self.io_put("T", float(await self.ask("READ?")))

    async def on_setpoint(self, value: float) -> None:
        await self.ask(f"SET {value}")
