"""The words of an access security file. Pure; as EPICS base's asLib_lex.l."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sswd.errors import ConfigError

KEYWORDS = frozenset(
    ("UAG", "HAG", "ASG", "RULE", "CALC", "METHOD", "AUTHORITY", "PROTOCOL")
)
_INP = re.compile(r"INP[A-L]")
_INTEGER = re.compile(r"[-+]?\d+")
_WORD = re.compile(
    r"""(?P<space>[ \t\r]+|\#.*)
    |(?P<line>\n)
    |(?P<mark>[(){},])
    |(?P<name>[a-zA-Z0-9_\-+:.\[\]<>;]+)
    |"(?P<quoted>(?:[^"\n\\]|\\.)*)"
    """,
    re.VERBOSE | re.ASCII,
)
_MACRO = re.compile(r"\$(?:\((\w+)(?:=([^()]*))?\)|\{(\w+)(?:=([^{}]*))?\})", re.ASCII)
_DEPTH = 8
"""Macros whose values have macros."""


class Word(NamedTuple):
    """One word of the file."""

    kind: str
    """A keyword, INP, INTEGER, STRING, one of ( ) { } and the comma, or END."""
    text: str
    line: int


def words(text: str) -> Iterator[Word]:
    """The words of `text`, END last. Raises ConfigError with the line."""
    at, line = 0, 1
    while at < len(text):
        match = _WORD.match(text, at)
        if match is None:
            raise ConfigError(f"line {line}: {_unreadable(text, at)}")
        at = match.end()
        kind, found = match.lastgroup, match[0]
        if kind == "line":
            line += 1
        elif kind == "mark":
            yield Word(found, found, line)
        elif kind == "name":
            yield Word(_kind_of(found), found, line)
        elif kind == "quoted":
            if _MACRO.search(found):
                raise ConfigError(f"line {line}: {_no_value(found)}")
            yield Word("STRING", match["quoted"], line)
    yield Word("END", "the end of the file", line)


def _kind_of(name: str) -> str:
    if name in KEYWORDS:
        return name
    if _INP.fullmatch(name):
        return "INP"
    return "INTEGER" if _INTEGER.fullmatch(name) else "STRING"


def _unreadable(text: str, at: int) -> str:
    if text[at] == '"':
        return "a quoted text does not end on its line"
    if text[at] == "$":
        return _no_value(text[at : at + 40].partition("\n")[0])
    return f"{text[at]!r} cannot stand here; put names with it into double quotes"


def _no_value(text: str) -> str:
    return f"{text!r}: the macro has no value; give it one in [access.macros]"


def expanded(text: str, macros: Mapping[str, str]) -> str:
    """The text with $(NAME), ${NAME} and $(NAME=default) replaced; one that has no
    value stays as it is. Raises ConfigError for macros that go round."""
    for _ in range(_DEPTH):
        replaced = _MACRO.sub(lambda match: _value_of(match, macros), text)
        if replaced == text:
            return text
        text = replaced
    raise ConfigError("macros: their values go round, or are too deep")


def _value_of(match: re.Match[str], macros: Mapping[str, str]) -> str:
    name = match[1] or match[3]
    default = match[2] if match[2] is not None else match[4]
    return macros.get(name, match[0] if default is None else default)
