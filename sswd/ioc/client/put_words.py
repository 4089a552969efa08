"""Words of a command line as the elements of a put. Pure.

Refused here in words where they cannot be what the PV's type holds: EPICS's servers
take "7 apples" as 7 and cut what is too long.
"""

import json
from collections.abc import Callable, Sequence

from caproto import ChannelType

from sswd.errors import PutFailed
from sswd.sizes import STRING_BYTES

_INTEGERS = {
    ChannelType.INT: (-(1 << 15), (1 << 15) - 1),
    ChannelType.LONG: (-(1 << 31), (1 << 31) - 1),
    ChannelType.CHAR: (0, (1 << 8) - 1),
    ChannelType.ENUM: (0, (1 << 16) - 1),
}
Elements = bytes | list[int] | list[float] | list[bytes]


def elements(
    native: int,
    capacity: int,
    words: Sequence[str],
    *,
    states: Sequence[str] = (),
    as_number: bool = False,
) -> tuple[int, Elements]:
    """(type, elements) of a put to a channel of this type and size.

    A single word to an array of chars is a text, unless `as_number`. An enum takes one
    of its `states`, or its number. A word such as "[1, 2]" is a JSON array.

    Raises PutFailed.
    """
    kind = ChannelType(native)
    if kind == ChannelType.CHAR and capacity > 1 and not as_number and len(words) == 1:
        return native, _text(words[0], capacity)
    words = _of_array(words, capacity)
    if len(words) > capacity:
        hint = "; quote a text of several words" if kind == ChannelType.STRING else ""
        raise PutFailed(f"{len(words)} values do not fit into {capacity}{hint}")
    try:
        return _of_kind(kind, words, states, as_number=as_number)
    except _NoNumber as error:
        hint = "; quote a text of several words" if kind == ChannelType.CHAR else ""
        raise PutFailed(f"{error}{hint}") from None


def _of_kind(
    kind: ChannelType, words: Sequence[str], states: Sequence[str], *, as_number: bool
) -> tuple[int, Elements]:
    native = int(kind)
    match kind:
        case ChannelType.STRING:
            return native, [_string(word) for word in words]
        case ChannelType.ENUM:
            return native, [_state(word, states, as_number=as_number) for word in words]
        case ChannelType.FLOAT | ChannelType.DOUBLE:
            return native, [_float(word) for word in words]
        case _:
            return _integers(kind, words)


def _of_array(words: Sequence[str], capacity: int) -> Sequence[str]:
    """The words; of a JSON array its elements."""
    if capacity == 1 or len(words) != 1 or not words[0].startswith("["):
        return words
    try:
        values = json.loads(words[0], parse_float=str, parse_int=str)
    except ValueError as error:
        raise PutFailed(f"{words[0]!r} is no JSON array: {error}") from None
    return [str(each) for each in values]


def _text(word: str, capacity: int) -> bytes:
    chars = _encoded(word)
    if len(chars) > capacity:
        raise PutFailed(f"a text of {len(chars)} bytes does not fit into {capacity}")
    return chars + b"\0" if len(chars) < capacity else chars


def _string(word: str) -> bytes:
    chars = _encoded(word)
    if len(chars) > STRING_BYTES:
        text = f"{len(chars)} bytes do not fit into a string of {STRING_BYTES}"
        raise PutFailed(text)
    return chars


def _encoded(word: str) -> bytes:
    return word.encode("utf-8", "surrogateescape")


def _state(word: str, states: Sequence[str], *, as_number: bool) -> int:
    if not as_number and word in states:
        return states.index(word)
    if word.strip().isdecimal():
        return _integer(word, ChannelType.ENUM)
    raise PutFailed(f"there is no state {word!r}, only {', '.join(states)}")


def _integers(kind: ChannelType, words: Sequence[str]) -> tuple[int, Elements]:
    try:
        return int(kind), [_integer(word, kind) for word in words]
    except _TooLarge:
        # An unsigned one may be served as the type of its size: its IOC decides.
        return int(ChannelType.STRING), [_string(word) for word in words]


class _NoNumber(PutFailed):
    """A word that is no number."""


class _TooLarge(PutFailed):
    """An integer that the PV's type cannot hold."""


def _integer(word: str, kind: ChannelType) -> int:
    try:
        value = int(word, 0)
    except ValueError:
        number = _parsed(float, word, "an integer")
        if not number.is_integer():
            raise _NoNumber(f"{word!r} is not an integer") from None
        value = int(number)
    low, high = _INTEGERS[kind]
    if not low <= value <= high:
        text = f"{word} does not fit into {low} to {high}"
        raise _TooLarge(text)
    return value


def _float(word: str) -> float:
    try:
        return float(int(word, 0))  # 0x10 as well
    except ValueError:
        return _parsed(float, word, "a number")


def _parsed(parse: Callable[[str], float], word: str, what: str) -> float:
    try:
        return parse(word)
    except ValueError:
        raise _NoNumber(f"{word!r} is not {what}") from None
