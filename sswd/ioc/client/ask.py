"""Gets and puts of the command line: any IOC's PVs, each on a circuit of its own.

Threading model: everything on one event loop.
"""

import asyncio
from collections.abc import Iterator, Sequence

from caproto import ChannelType, ReadNotifyResponse

from sswd.errors import PutFailed, RemoteLost
from sswd.ioc.client.addresses import Address
from sswd.ioc.client.open_channel import open_at, open_channel
from sswd.ioc.client.put_words import elements
from sswd.ioc.client.reading import Reading, read_type, reading, text_of, units_of
from sswd.ioc.client.session import PutAnswer, Session, as_it_is

ANSWER_S = 10.0
"""A server that has a channel and does not answer a get for so long is given up."""
COMMAND_S = 0.5
"""How long it is looked for the CMD_ID and the CMD_ERROR of a put."""


async def read(session: Session, *, as_number: bool) -> Reading:
    """The PV's value, alarm, time and units. Raises RemoteLost."""
    native = session.native_type
    units = ""
    try:
        async with asyncio.timeout(ANSWER_S):
            if native not in (ChannelType.STRING, ChannelType.ENUM):
                units = await session.get("control", 1, taken=units_of)
            data_type = read_type(native, as_number=as_number)
            response = await session.get(data_type, taken=as_it_is)
    except TimeoutError:
        raise RemoteLost(f"no answer in {ANSWER_S:g} s") from None
    return reading(
        native, session.native_count, response, as_number=as_number, units=units
    )


async def get(name: str, wait_s: float, *, as_number: bool) -> Reading:
    """Find a PV and read it. Raises NotFoundError, RemoteLost."""
    async with open_channel(name, wait_s) as session:
        try:
            return await read(session, as_number=as_number)
        except RemoteLost as error:
            raise RemoteLost(f"{name}: {error}") from None


async def put(
    name: str,
    words: Sequence[str],
    *,
    wait_s: float,
    timeout_s: float | None,
    as_number: bool,
) -> Reading:
    """Put, wait for the end, and read what is there then.

    Without `timeout_s` it is waited without limit, as long as the server answers.
    Raises NotFoundError, RemoteLost, PutFailed.
    """
    async with open_channel(name, wait_s) as session:
        before = await _command_ids(name, session.address)
        try:
            answer = await _put(session, words, timeout_s, as_number=as_number)
        except RemoteLost as error:
            text = f"{name}: {error}; nobody knows what became of the put"
            raise PutFailed(text) from None
        except PutFailed as error:
            raise PutFailed(f"{name}: {error}") from None
        if not answer.is_done:
            # A put that is denied never became a command.
            more = "" if answer.is_denied else await _cmd_error(before, session.address)
            raise PutFailed(f"{name}: the put failed: {answer.words}{more}")
        try:
            return await read(session, as_number=as_number)
        except RemoteLost as error:
            text = f"{name}: the put is done, but the value cannot be read: {error}"
            raise RemoteLost(text) from None


async def _put(
    session: Session, words: Sequence[str], timeout_s: float | None, *, as_number: bool
) -> PutAnswer:
    native = session.native_type
    now_s = asyncio.get_running_loop().time()
    until_s = None if timeout_s is None else now_s + timeout_s
    states: tuple[str, ...] = ()
    if native == ChannelType.ENUM and not as_number:
        states = await _states(session, timeout_s)
    data_type, data = elements(
        native, session.native_count, words, states=states, as_number=as_number
    )
    future = session.put(data, data_type, taken=as_it_is)
    try:
        async with asyncio.timeout_at(until_s):
            return await future
    except TimeoutError:
        text = f"no end within {timeout_s:g} s; the put goes on in the IOC"
        raise PutFailed(text) from None


async def _states(session: Session, timeout_s: float | None) -> tuple[str, ...]:
    """The names of an enum's states, before anything is put. Raises PutFailed."""
    within_s = ANSWER_S if timeout_s is None else min(timeout_s, ANSWER_S)
    try:
        async with asyncio.timeout(within_s):
            return await session.get("control", taken=_state_names)
    except TimeoutError:
        words = f"no answer in {within_s:g} s"
    except RemoteLost as error:
        words = str(error)
    raise PutFailed(f"nothing was put, for its states cannot be read: {words}")


def _state_names(response: ReadNotifyResponse) -> tuple[str, ...]:
    strings = response.metadata.enum_strings
    return tuple(text_of(bytes(each)) for each in strings)


async def _command_ids(name: str, address: Address) -> dict[str, object]:
    """CMD_ID of each sswd system that a PV may belong to, by its prefix, the nearest
    first; none where the server is another one."""
    prefixes = list(system_prefixes(name))
    asked = (_value(f"{prefix}CMD_ID", address) for prefix in prefixes)
    found = zip(prefixes, await asyncio.gather(*asked), strict=True)
    return {prefix: value for prefix, value in found if value is not None}


async def _cmd_error(before: dict[str, object], address: Address) -> str:
    """What the sswd system that owns a PV says of the put's command; "" for others.

    A put that made no command (the putter of a group raised) has no CMD_ERROR: what is
    there is of another command, and CMD_ID is as `before`.
    """
    for prefix, command in before.items():
        pv = f"{prefix}CMD_ERROR"
        if await _value(f"{prefix}CMD_ID", address) in (None, command):
            continue
        if words := await _value(pv, address):
            return f"; {pv}: {words}"
    return ""


async def _value(name: str, address: Address) -> object:
    """What a PV of this server has; None: there is no such PV, or no answer."""
    try:
        async with (
            asyncio.timeout(COMMAND_S),
            open_at(name, address, COMMAND_S) as session,
        ):
            return (await read(session, as_number=False)).value
    except (RemoteLost, OSError, TimeoutError):
        return None


def system_prefixes(name: str) -> Iterator[str]:
    """The prefix of each system that a PV may belong to, the nearest first."""
    prefix = name.partition(".")[0]
    while prefix := prefix.rstrip(":").rpartition(":")[0]:
        yield f"{prefix}:"
