"""JSON5, as EPICS base 7 reads channel filters: {dbnd:{abs:1.5}}. Pure.

Names without quotes, single quotes, hexadecimal and signed numbers, Infinity, NaN,
trailing commas and comments, as in https://spec.json5.org. The text comes from a
client: depth is bounded, and its length is that of a message.
"""

import re
from typing import NoReturn

Json = dict[str, "Json"] | list["Json"] | str | float | int | bool | None

MAX_DEPTH = 8
_SPACE = re.compile(r"(?:\s|//[^\n\r]*|/\*.*?\*/)*", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_NUMBER = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F]+|Infinity|NaN|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
)
_STRING = re.compile(r"\"((?:[^\"\\\n]|\\.)*)\"|'((?:[^'\\\n]|\\.)*)'", re.DOTALL)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|\r\n|.)", re.DOTALL)
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0"}
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


def parse(text: str) -> Json:
    """The value that `text` is. Raises ValueError."""
    reader = _Reader(text)
    value = reader.value(MAX_DEPTH)
    reader.skip()
    if reader.at != len(text):
        reader.fail()
    return value


class _Reader:
    """Reads one text from its start to its end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def fail(self) -> NoReturn:
        raise ValueError(f"bad JSON at character {self.at}")

    def skip(self) -> None:
        """Go over spaces and comments."""
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def takes(self, char: str) -> bool:
        """Whether `char` is next; it is taken then."""
        self.skip()
        if not self.text.startswith(char, self.at):
            return False
        self.at += 1
        return True

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def value(self, depth: int) -> Json:
        if not depth:
            raise ValueError(f"JSON is deeper than {MAX_DEPTH}")
        if self.takes("{"):
            return self.members(depth)
        if self.takes("["):
            return self.items(depth)
        number = self.take(_NUMBER)
        if number:
            return _number(number[0])
        string = self.take(_STRING)
        if string:
            return _string(string)
        word = self.take(_NAME)
        return _WORDS[word[0]] if word and word[0] in _WORDS else self.fail()

    def members(self, depth: int) -> Json:
        found: dict[str, Json] = {}
        while not self.takes("}"):
            self.skip()
            key = self.name()
            if not self.takes(":"):
                self.fail()
            found[key] = self.value(depth - 1)
            if self.takes("}"):
                break
            if not self.takes(","):
                self.fail()
        return found

    def name(self) -> str:
        """The name of a member, with or without quotes."""
        string = self.take(_STRING)
        if string:
            return _string(string)
        name = self.take(_NAME)
        return name[0] if name else self.fail()

    def items(self, depth: int) -> Json:
        found: list[Json] = []
        while not self.takes("]"):
            found.append(self.value(depth - 1))
            if self.takes("]"):
                break
            if not self.takes(","):
                self.fail()
        return found


def _number(text: str) -> float | int:
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-")
    if digits[:2] in ("0x", "0X"):
        return sign * int(digits, 16)
    if digits.isdecimal() and digits.isascii():
        # The length is bounded, lest a client has a huge integer made.
        return sign * (int(digits) if len(digits) < 40 else float(digits))
    return sign * float(digits)


def _string(match: re.Match[str]) -> str:
    text = match[1] if match[1] is not None else match[2]
    return _ESCAPE.sub(_unescaped, text)


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] in "xu" and len(code) > 1:
        return chr(int(code[1:], 16))
    if code in ("\n", "\r\n", "\r"):
        return ""  # a line that goes on
    return _ESCAPED.get(code, code)
