"""The value of a timing master's PV -> the index meant for one server.

Masters publish text such as ``{'stage': 3, 'laser': 0}``, as JSON or as old Python
wrote it (numpy's ``np.int64(3)`` included), in a char array or a string; or simply a
number. Only a flat dictionary of plain values is read; nothing is evaluated.
"""

import re

from sswd.sequence.errors import StepError, TriggerError, TriggerKeyError
from sswd.sequence.stepping import whole
from sswd.sizes import CMD_BYTES

_SPACE = r"[ \t\r\n]*+"
_TEXT = r"\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'"
_NUMBER = r"[+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?"
_PLAIN = r"-?[A-Za-z]++"
_WRAPPED = rf"(?:np|numpy)\.[a-z]++[0-9]*+\({_SPACE}({_NUMBER}){_SPACE}\)"
_ITEM = re.compile(
    rf"{_SPACE}[bu]?({_TEXT}){_SPACE}:{_SPACE}"
    rf"(?:({_NUMBER})|{_WRAPPED}|[bu]?(?:{_TEXT})|{_PLAIN}){_SPACE}([,}}])",
    re.DOTALL,
)
_END = re.compile(rf"{_SPACE}(}})?{_SPACE}")
_ESCAPED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)


def index_from(value: str | bytes | float, key: str = "") -> int:
    """Return the index that a trigger value means for ``key``.

    ``value`` is the text of a string or char array (bytes end at the first NUL) or a
    number, which means every server. Raises ``TriggerError`` in words, of which
    ``TriggerKeyError`` says that the trigger names other servers only.
    """
    if isinstance(value, bytes):
        value = value.partition(b"\0")[0].decode("latin-1")
    if not isinstance(value, str):
        return _index(value)
    if len(value) > CMD_BYTES:
        raise TriggerError(f"a trigger of {len(value)} characters; {CMD_BYTES} at most")
    text = value.strip(" \t\r\n\0")
    if not text.startswith("{"):
        if not re.fullmatch(_NUMBER, text):
            raise TriggerError(f"{_cut(text)} is no dictionary and no number")
        return _index(text)
    entries = _entries(text)
    if key not in entries:
        named = ", ".join(map(ascii, entries))[:120] or "nobody"
        raise TriggerKeyError(f"the trigger has no key {key!a}; it names {named}")
    found = entries[key]
    if found is None:
        raise TriggerError(f"the value of {key!a} in the trigger is no number")
    return _index(found)


def _entries(text: str) -> dict[str, str | None]:
    """Return the numbers of a flat dictionary as text, ``None`` for other values."""
    entries: dict[str, str | None] = {}
    at, ending = 1, ","
    while ending == "," and (item := _ITEM.match(text, at)):
        quoted, plain, wrapped, ending = item.groups()
        entries[_ESCAPED.sub(_unescaped, quoted[1:-1])] = plain or wrapped
        at = item.end()
    if ending == "," and (brace := _END.match(text, at)) and brace.group(1):
        at, ending = brace.end(), "}"
    if ending != "}" or at != len(text):
        raise TriggerError(
            f"the trigger cannot be read from character {at + 1}: "
            f"{_cut(text[at : at + 40])}; it must look like {{'stage': 3}}"
        )
    return entries


def _unescaped(escape: re.Match[str]) -> str:
    code = escape[1] or escape[2]
    return chr(int(code, 16)) if code else escape[3]


def _index(number: str | float) -> int:
    try:
        return whole(number, "index")
    except StepError as exc:
        raise TriggerError(f"the trigger's {exc}") from None


def _cut(text: str) -> str:
    return ascii(text if len(text) <= 40 else text[:37] + "...")
