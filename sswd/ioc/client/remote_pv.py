"""One PV of another IOC, followed for ever: sswd's own Channel Access client.

The messages are caproto's, the loop around them is not. Measured with caproto 1.3.0:
its asyncio client never comes back to a server that was frozen for longer than
EPICS_CA_CONN_TMO, not even when that server is restarted, and leaves tasks behind when
it is closed; its threading client brings ten threads, tells nothing of a frozen server
and needs up to 8 s to find a restarted one. tests/system/test_remote.py does all that
to this one.

Threading model: everything on one event loop.
"""

import asyncio
import getpass
import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import caproto
from caproto import ChannelType, SubscriptionType

from sswd.errors import RemoteLost, SswdError
from sswd.ioc.client.search import Address, search

log = logging.getLogger("sswd.ioc")

READ_BYTES = 1 << 16
MESSAGE_BYTES = 1 << 24
"""No server is believed that announces a longer message."""
CONNECT_S = 5.0
ECHO_S = 5.0
"""A server that does not answer an echo for so long is gone, as in libca."""
CONN_TMO_S = 30.0
"""EPICS_CA_CONN_TMO where it is not set."""
FIRST_RETRY_S, LONGEST_RETRY_S = 0.05, 5.0
_VALUE_AND_ALARM = SubscriptionType.DBE_VALUE | SubscriptionType.DBE_ALARM


@dataclass(frozen=True, slots=True)
class Update:
    """What a monitor brought."""

    value: Any
    """bytes of a string or char array, without what follows the first NUL; a number
    (an enum's is its index); or a numpy array."""
    status: int
    severity: int
    is_first: bool
    """The value that was found at connecting, not a change."""
    stamp_s: float = 0.0
    """The server's time stamp, in s since 1970."""


class RemotePv:
    """Monitors one PV, and puts to it. Reconnects for ever.

    `on_update(update)` and `on_connection(is_connected, words)` are called on the loop
    and must not block. A server sends the newest value when a client is too slow for
    all of them: monitors say what is, they do not count.
    """

    def __init__(
        self,
        name: str,
        on_update: Callable[[Update], None],
        on_connection: Callable[[bool, str], None],
        *,
        alarms: bool = False,
    ) -> None:
        """`alarms`: have updates also when only the alarm changes."""
        self.name = name
        self.is_connected = False
        self._on_update = on_update
        self._on_connection = on_connection
        self._mask = _VALUE_AND_ALARM if alarms else SubscriptionType.DBE_VALUE
        self._task: asyncio.Task[None] | None = None
        self._session: _Session | None = None

    def start(self) -> None:
        """Begin to look for the PV."""
        self._task = asyncio.get_running_loop().create_task(self._follow())

    def stop(self) -> None:
        """Disconnect soon, without waiting for it; `close` is to follow."""
        if self._task is not None:
            self._task.cancel()

    async def close(self) -> None:
        """Disconnect. Idempotent."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    def put(self, value: bytes | float) -> "asyncio.Future[bool]":
        """Put with callback: True when the server has done it, False if it failed.

        The future raises RemoteLost if the server is lost before it answers: nobody
        knows then what became of the put. Raises RemoteLost when not connected.
        """
        return self._connected().put(value)

    def get(self) -> "asyncio.Future[Any]":
        """The value that the server has now; as `Update.value`.

        The future raises RemoteLost if the server is lost before it answers, or cannot
        give it. Raises RemoteLost when not connected.
        """
        return self._connected().get()

    def _connected(self) -> "_Session":
        if self._session is None or not self.is_connected:
            raise RemoteLost(f"{self.name} is not connected")
        return self._session

    async def _follow(self) -> None:
        delay_s = FIRST_RETRY_S
        while True:
            words = "the server hung up"
            try:
                address = await search(self.name)
                await self._run_session(address)
            except (OSError, caproto.CaprotoError, SswdError) as error:
                words = str(error) or type(error).__name__
            except Exception as error:
                # A firewall: these are bytes of a server that may be anything.
                log.exception("%s: the client failed; reconnecting", self.name)
                words = f"{type(error).__name__}: {error}"
            if self.is_connected:
                delay_s = FIRST_RETRY_S
                self._connection_changed(False, words)
            else:
                log.debug("%s: %s", self.name, words)
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, LONGEST_RETRY_S)

    async def _run_session(self, address: Address) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                reader, writer = await asyncio.open_connection(*address)
        except TimeoutError:
            raise RemoteLost(f"{address[0]}:{address[1]} does not answer") from None
        session = _Session(self.name, address, writer, self._mask, self._updated)
        self._session = session
        try:
            await session.run(reader)
        finally:
            self._session = None
            session.end()

    def _updated(self, update: Update) -> None:
        if update.is_first and not self.is_connected:
            assert self._session is not None
            host, port = self._session.address
            self._connection_changed(True, f"at {host}:{port}")
        self._on_update(update)

    def _connection_changed(self, is_connected: bool, words: str) -> None:
        self.is_connected = is_connected
        self._on_connection(is_connected, words)


class _Session:
    """One circuit with one channel and one subscription."""

    def __init__(
        self,
        name: str,
        address: Address,
        writer: asyncio.StreamWriter,
        mask: object,
        on_update: Callable[[Update], None],
    ) -> None:
        self.address = address
        self._writer = writer
        self._mask = mask
        self._on_update = on_update
        self._circuit = caproto.VirtualCircuit(caproto.CLIENT, address, 0)
        self._channel = caproto.ClientChannel(name, self._circuit)
        self._pending: dict[int, asyncio.Future[Any]] = {}
        """Those who wait for the answer to a put or a get, by its id."""
        self._is_first = True

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Until the server is gone."""
        self._send(self._channel.version())
        patience_s, is_asked = CONNECT_S, True
        while True:
            try:
                async with asyncio.timeout(patience_s):
                    data = await reader.read(READ_BYTES)
            except TimeoutError:
                if is_asked:
                    raise RemoteLost("the server is silent") from None
                self._send(caproto.EchoRequest())
                patience_s, is_asked = ECHO_S, True
                continue
            if not data:
                return
            self._take_bytes(data)
            patience_s, is_asked = _silence_s(), False

    def put(self, value: bytes | float) -> "asyncio.Future[bool]":
        data = value if isinstance(value, bytes) else [value]
        is_text = self._channel.native_data_type == ChannelType.STRING
        request = self._channel.write(
            [value] if is_text else data,
            data_count=1 if is_text else len(data),
            notify=True,
        )
        return self._request(request)

    def get(self) -> "asyncio.Future[Any]":
        return self._request(self._channel.read())

    def _request(self, request: Any) -> "asyncio.Future[Any]":
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending[request.ioid] = future
        self._send(request)
        return future

    def end(self) -> None:
        """Disconnect; those who wait get RemoteLost."""
        self._writer.transport.abort()
        pending, self._pending = self._pending, {}
        for future in pending.values():
            if not future.done():
                future.set_exception(RemoteLost("lost before the server answered"))
                future.exception()  # whoever has gone away need not look

    def _send(self, *commands: object) -> None:
        self._writer.write(b"".join(self._circuit.send(*commands)))

    def _take_bytes(self, data: bytes) -> None:
        commands, needed = self._circuit.recv(data)
        if needed > MESSAGE_BYTES:
            raise RemoteLost(f"the server announces a message of {needed} bytes")
        for command in commands:
            self._circuit.process_command(command)
            self._take(command)

    def _take(self, command: Any) -> None:
        match command:
            case caproto.VersionResponse():
                self._send(
                    self._channel.host_name(socket.gethostname()),
                    self._channel.client_name(_user()),
                    self._channel.create(),
                )
            case caproto.CreateChanResponse():
                self._send(self._channel.subscribe("time", mask=self._mask))
            case caproto.EventAddResponse():
                self._update(command)
            case caproto.WriteNotifyResponse():
                self._answered(command.ioid, bool(command.status.success))
            case caproto.ReadNotifyResponse():
                self._answered(command.ioid, _value(command))
            case caproto.ErrorResponse():
                self._refused(command)
            case caproto.CreateChFailResponse() | caproto.ServerDisconnResponse():
                raise RemoteLost("the server does not have it any more")
            case _:  # access rights, echo
                pass

    def _update(self, command: Any) -> None:
        is_first, self._is_first = self._is_first, False
        metadata = command.metadata
        self._on_update(
            Update(
                _value(command),
                int(metadata.status),
                int(metadata.severity),
                is_first,
                float(metadata.timestamp),
            )
        )

    def _refused(self, command: Any) -> None:
        """caproto's servers tell of a failed put so; base and sswd by its answer."""
        request = command.original_request
        if request.command == caproto.WriteNotifyRequest.ID:
            self._answered(int(request.parameter2), False)
            return
        words = bytes(command.error_message).partition(b"\0")[0].decode("latin-1")
        raise RemoteLost(f"the server refuses: {words or command.status.description}")

    def _answered(self, ioid: int, answer: object) -> None:
        future = self._pending.pop(ioid, None)
        if future is not None and not future.done():
            future.set_result(answer)


def _value(command: Any) -> Any:
    data = command.data
    native = caproto.native_type(command.data_type)
    if native == ChannelType.CHAR:
        return bytes(data).partition(b"\0")[0]
    if len(data) != 1:
        return data
    if native == ChannelType.STRING:
        return bytes(data[0]).partition(b"\0")[0]
    return data[0].item()


def _silence_s() -> float:
    """After how long without a word the server is asked for one."""
    try:
        return max(0.1, float(os.environ.get("EPICS_CA_CONN_TMO", "")))
    except ValueError:
        return CONN_TMO_S


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return str(os.getuid())
