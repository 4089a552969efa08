"""One circuit with one channel: the messages of a Channel Access client.

The messages are caproto's, the loop around them is not; see remote_pv.py for why.

Threading model: everything on one event loop.
"""

import asyncio
import contextlib
import getpass
import os
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeAlias, TypeVar

import caproto

from sswd.errors import RemoteLost, RemoteRefused
from sswd.ioc.client.addresses import Address

READ_BYTES = 1 << 16
MESSAGE_BYTES = 1 << 24
"""No server is believed that announces a longer message."""
CONNECT_S = 5.0
ECHO_S = 5.0
"""A server that does not answer an echo for so long is gone, as in libca."""
CONN_TMO_S = 30.0
"""EPICS_CA_CONN_TMO where it is not set."""
_NOWTACCESS = caproto.CAStatus.ECA_NOWTACCESS.value.code_with_severity


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a session calls, on the loop; none may block."""

    on_created: Callable[["Session"], None]
    """The channel is there: requests may be made."""
    on_event: Callable[["Session", caproto.EventAddResponse], None]
    """A monitor brought this."""


class PutAnswer(NamedTuple):
    """How the server answered a put with callback."""

    is_done: bool
    words: str = ""
    """Why it failed, in the server's words; empty when it is done."""
    is_denied: bool = False
    """It failed because this client has no right to write."""


Answer: TypeAlias = PutAnswer | caproto.ReadNotifyResponse
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


def as_it_is(answer: T) -> T:
    """What is `taken` of an answer by those who want all of it."""
    return answer


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[T_co]):
    """Somebody waits for the answer to a put or a get."""

    future: asyncio.Future[T_co]
    taken: Callable[[Answer], T_co]

    def answered(self, answer: Answer | RemoteRefused) -> None:
        """Unless whoever waited has gone away."""
        if self.future.done():
            return
        if isinstance(answer, RemoteRefused):
            self.future.set_exception(answer)
        else:
            self.future.set_result(self.taken(answer))


class Session:
    """One circuit with one channel, from the connection to its end."""

    def __init__(
        self, name: str, address: Address, writer: asyncio.StreamWriter, hooks: Hooks
    ) -> None:
        self.name = name
        self.address = address
        self._writer = writer
        self._hooks = hooks
        self._circuit = caproto.VirtualCircuit(caproto.CLIENT, address, 0)
        self._channel = caproto.ClientChannel(name, self._circuit)
        self._pending: dict[int, _Waiting[object]] = {}
        """Those who wait for the answer to a put or a get, by its id."""

    @property
    def native_type(self) -> int:
        """The channel's type, a caproto.ChannelType; known from on_created on."""
        return int(self._channel.native_data_type)

    @property
    def native_count(self) -> int:
        """How many elements the channel can hold; known from on_created on."""
        return int(self._channel.native_data_count)

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Until the server is gone. Raises RemoteLost, CaprotoError, OSError."""
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

    def put(
        self,
        data: object,
        data_type: int | None = None,
        *,
        taken: Callable[[PutAnswer], T],
    ) -> "asyncio.Future[T]":
        """Put with callback: what `taken` makes of the PutAnswer.

        `data`: bytes of a CHAR, else a sequence of numbers or bytes. `data_type`: the
        channel's own unless given. The future raises RemoteLost if the server is lost
        before it answers: nobody knows then what became of the put.
        """
        request = self._channel.write(data, data_type=data_type, notify=True)
        return self._request(request, taken)

    def get(
        self,
        data_type: int | str | None = None,
        count: int | None = None,
        *,
        taken: Callable[[caproto.ReadNotifyResponse], T],
    ) -> "asyncio.Future[T]":
        """What `taken` makes of caproto's ReadNotifyResponse.

        `data_type` may be "time", "control" and so on; the channel's own unless given.

        The future raises RemoteRefused when the server cannot give it, RemoteLost if
        the server is lost before it answers.
        """
        request = self._channel.read(data_type=data_type, data_count=count)
        return self._request(request, taken)

    def subscribe(self, data_type: int | str, mask: object) -> None:
        """Monitor the channel from now on."""
        self._send(self._channel.subscribe(data_type, mask=mask))

    def end(self) -> None:
        """Disconnect; those who wait get RemoteLost."""
        self._writer.transport.abort()
        pending, self._pending = self._pending, {}
        for waiting in pending.values():
            if not waiting.future.done():
                lost = RemoteLost("lost before the server answered")
                waiting.future.set_exception(lost)
                waiting.future.exception()  # whoever has gone away need not look

    # -- inside

    def _request(
        self, request: caproto.Message, taken: Callable[[Answer], T]
    ) -> "asyncio.Future[T]":
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        waiting: _Waiting[T] = _Waiting(future, taken)
        self._pending[request.ioid] = waiting
        self._send(request)
        return future

    def _send(self, *commands: object) -> None:
        self._writer.write(b"".join(self._circuit.send(*commands)))

    def _take_bytes(self, data: bytes) -> None:
        commands, needed = self._circuit.recv(data)
        if needed > MESSAGE_BYTES:
            raise RemoteLost(f"the server announces a message of {needed} bytes")
        for command in commands:
            self._circuit.process_command(command)
            self._take(command)

    def _take(self, command: caproto.Message) -> None:
        match command:
            case caproto.VersionResponse():
                self._send(
                    self._channel.host_name(socket.gethostname()),
                    self._channel.client_name(_user()),
                    self._channel.create(),
                )
            case caproto.CreateChanResponse():
                self._hooks.on_created(self)
            case caproto.EventAddResponse():
                self._hooks.on_event(self, command)
            case caproto.WriteNotifyResponse():
                self._answered(command.ioid, _put_answer(command))
            case caproto.ReadNotifyResponse():
                self._answered(command.ioid, _read_answer(command))
            case caproto.ErrorResponse():
                self._refused(command)
            case caproto.CreateChFailResponse() | caproto.ServerDisconnResponse():
                raise RemoteLost("the server does not have it any more")
            case _:  # access rights, echo
                pass

    def _refused(self, command: caproto.ErrorResponse) -> None:
        """caproto's servers tell of a failed request so; base and sswd by an answer."""
        request = command.original_request
        words = bytes(command.error_message).partition(b"\0")[0].decode("latin-1")
        words = words or command.status.description
        answers = (caproto.WriteNotifyRequest.ID, caproto.ReadNotifyRequest.ID)
        if request.command not in answers:
            raise RemoteLost(f"the server refuses: {words}")
        if request.command == caproto.WriteNotifyRequest.ID:
            answer: Answer | RemoteRefused = _failed_put(
                command.status.code_with_severity, words
            )
        else:
            answer = RemoteRefused(words)
        self._answered(int(request.parameter2), answer)

    def _answered(self, ioid: int, answer: Answer | RemoteRefused) -> None:
        waiting = self._pending.pop(ioid, None)
        if waiting is not None:
            waiting.answered(answer)


@contextlib.asynccontextmanager
async def connected(
    name: str, address: Address, hooks: Hooks
) -> AsyncIterator[tuple[Session, asyncio.StreamReader]]:
    """A circuit to a server; `Session.run` is to follow. Ends with the block.

    Raises RemoteLost, OSError.
    """
    try:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(*address)
    except TimeoutError:
        raise RemoteLost(f"{address[0]}:{address[1]} does not answer") from None
    session = Session(name, address, writer, hooks)
    try:
        yield session, reader
    finally:
        session.end()


def _read_answer(
    command: caproto.ReadNotifyResponse,
) -> Answer | RemoteRefused:
    if command.status.success:
        return command
    return RemoteRefused(command.status.description)


def _put_answer(command: caproto.WriteNotifyResponse) -> PutAnswer:
    status = command.status
    if status.success:
        return PutAnswer(is_done=True)
    return _failed_put(status.code_with_severity, status.description)


def _failed_put(code: int, words: str) -> PutAnswer:
    is_denied = code == _NOWTACCESS
    return PutAnswer(is_done=False, words=words, is_denied=is_denied)


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
