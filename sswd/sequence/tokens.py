"""Text of a command -> words, in one linear pass.

Words are plain strings; their columns are looked up only when an error needs one,
which keeps 10,000 characters within a few milliseconds.
"""

import re
from itertools import islice

from sswd.sequence.errors import GrammarError
from sswd.sizes import CMD_BYTES

END = ""
"""The word after the last one."""

# Possessive quantifiers (*+) leave nothing to backtrack into, so no text is slow.
_WORD = re.compile(
    r"(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?"
    r"|[A-Za-z_][A-Za-z0-9_]*+"
    r"|\"[^\"\\\r\n]*+\""
    r"|'[^'\\\r\n]*+'"
    r"|\*\*|//"
    r"|[^ \t\r\n]"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def words(text: str) -> list[str]:
    """Split ``text`` into words and ``END``; raise ``GrammarError`` when hopeless.

    Characters that belong to no word come out as words of one character, for the
    parser to refuse at their place.
    """
    if len(text) > CMD_BYTES:
        raise GrammarError(
            f"the command has {len(text)} characters and the limit is {CMD_BYTES}",
            "use functions such as linear(start, end, step)",
        )
    if control := _CONTROL.search(text):
        raise GrammarError(
            f"control character {control.group()!a}",
            "use plain text",
            control.start() + 1,
        )
    found = _WORD.findall(text)
    found.append(END)
    return found


def column(text: str, index: int) -> int:
    """Return the column, from 1, of word ``index`` of ``text``."""
    match = next(islice(_WORD.finditer(text), index, None), None)
    return match.start() + 1 if match else len(text.rstrip(" \t\r\n")) + 1


def shown(word: str) -> str:
    """Return a word as it may appear in an error: short, quoted, plain ASCII."""
    return ascii(word if len(word) <= 24 else word[:21] + "...")
