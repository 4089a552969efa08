"""What to write instead, for words that fit nothing or come from other languages."""

from collections.abc import Mapping

from sswd.sequence.binding import suggestion
from sswd.sequence.errors import GrammarError
from sswd.sequence.functions import CONSTANTS, FUNCTIONS, LITERALS
from sswd.sequence.tokens import END, shown
from sswd.sequence.verbs import VerbSignature

_UNIT = "numbers have no units and values need commas; write 10e-6, not 10us"

_POWER = "there is no power operator; write the number out, or use geomspace"
_NO_OPERATOR = "the operators are + - * /"
_ALLOWED = "use numbers, lists and the functions of the language"
_TEXT = "close the text with the same quote; it has no backslash and one line"

_MENDS: dict[str, str] = {
    ".": "there are no attributes and methods; a number needs a digit",
    "**": _POWER,
    "^": _POWER,
    "//": _NO_OPERATOR,
    "%": _NO_OPERATOR,
    "=": "name=value belongs in the parentheses of a function",
    ":": "there are no slices; use linear(start, end, step)",
    ";": "separate values by commas; one command at a time",
    "{": "there are no dictionaries; use a list such as [0, 1]",
    "}": "there are no dictionaries; use a list such as [0, 1]",
    "]": "there is no list to close here",
    ")": "there is no parenthesis to close here, or a value is missing",
    "[": "there is no index; join series with + or a comma",
    "(": "only functions are called, and by their names",
    ",": "a value is missing before the comma",
    '"': _TEXT,
    "'": _TEXT,
    "\\": "there is no backslash",
    "\N{MINUS SIGN}": "use the plain minus sign -",
    "\N{EN DASH}": "use the plain minus sign -",
    "inf": "points are finite numbers",
    "arange": "use linear(start, end, step)",
    "logspace": "use geomspace(start, end, n)",
    "lambda": "there are no functions of your own here",
    "true": "write True",
    "false": "write False",
    "none": "write None",
    "null": "write None",
    "off": "write nan",
}


def misplaced(word: str, *, after_value: bool) -> GrammarError:
    """Return the refusal of a word that fits nothing where it stands."""
    if word == END:
        return GrammarError("the command ends too early", "a value is missing")
    mend = _MENDS.get(word, "")
    if word == "," and after_value:
        mend = "a list is written [1, 2]"
    if not mend and not word.isascii():
        mend = "use plain ASCII characters"
    if not mend and after_value:
        mend = _UNIT if word[0].isalpha() else "separate values by commas"
    return GrammarError(f"{shown(word)} does not belong here", mend or _ALLOWED)


def unknown(
    name: str, verbs: Mapping[str, VerbSignature], *, called: bool
) -> GrammarError:
    """Return the refusal of a name, with a guess at what was meant."""
    if name in verbs:
        mend = "a verb stands alone in a command" if called else f"write {verbs[name]}"
        return GrammarError(f"{shown(name)} is a verb of the system", mend)
    if name in FUNCTIONS:
        mend = f"write {FUNCTIONS[name].signature}"
        return GrammarError(f"{shown(name)} is a function", mend)
    if name in CONSTANTS or name in LITERALS:
        return GrammarError(f"{shown(name)} is no function", "remove the '('")
    known = [*FUNCTIONS, *verbs] if called else [*CONSTANTS, *FUNCTIONS]
    mend = _MENDS.get(name, "") or suggestion(name, known)
    reason = f"unknown {'function' if called else 'name'} {shown(name)}"
    return GrammarError(reason, mend or f"known: {', '.join(sorted(known))[:200]}")
