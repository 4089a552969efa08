"""An access security file as data, or in words what is wrong with it. Pure.

The grammar is that of EPICS base's asLib.y; as there, a group is defined before a rule
names it, and only once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sswd.access.calc import Calc, CalcError, compiled
from sswd.access.lexer import Word, expanded, words
from sswd.errors import ConfigError

NONE, READ, WRITE = 0, 1, 2
DEFAULT = "DEFAULT"
_ACCESS = {"NONE": NONE, "READ": READ, "WRITE": WRITE}
_TRAPS = {"TRAPWRITE": True, "NOTRAPWRITE": False}
_NOT_HAD = ("METHOD", "AUTHORITY", "PROTOCOL")


@dataclass(frozen=True)
class Rule:
    """One RULE: who gets which access."""

    level: int
    access: int
    """NONE, READ or WRITE; the greater one has the smaller."""
    traps: bool = False
    """TRAPWRITE: puts by it are recorded."""
    users: frozenset[str] | None = None
    """Of its UAGs; None: it has none, all users are meant."""
    hosts: frozenset[str] | None = None
    """Of its HAGs, as the file writes them, in lower case; None: it has none."""
    calc: Calc | None = None


@dataclass
class Asg:
    """One access security group."""

    inputs: dict[int, str] = field(default_factory=dict)
    """PVs by the number of their letter."""
    rules: list[Rule] = field(default_factory=list)


@dataclass
class Acf:
    """A whole file."""

    users: dict[str, frozenset[str]] = field(default_factory=dict)
    """UAGs."""
    hosts: dict[str, frozenset[str]] = field(default_factory=dict)
    """HAGs."""
    groups: dict[str, Asg] = field(default_factory=dict)
    """ASGs; DEFAULT is always one."""

    @property
    def traps(self) -> bool:
        """Whether any rule has TRAPWRITE."""
        return any(rule.traps for asg in self.groups.values() for rule in asg.rules)


def read_acf(text: str, macros: Mapping[str, str] | None = None) -> Acf:
    """The file as data. Raises ConfigError with the line and the mend.

    Without `macros`, as with EPICS base, none is replaced.
    """
    if macros:
        text = expanded(text, macros)
    return _Parser(words(text)).file()


class _Parser:
    """One word ahead is all that the grammar needs."""

    def __init__(self, found: Iterator[Word]) -> None:
        self._words = found
        self._next = next(found)
        self._acf = Acf()

    # -- words

    def _take(self, kind: str, what: str = "") -> Word:
        word = self._next
        if word.kind != kind:
            raise self._error(f"expected {what or repr(kind)}, not {_shown(word)}")
        if kind != "END":
            self._next = next(self._words)
        return word

    def _error(self, text: str, line: int | None = None) -> ConfigError:
        return ConfigError(f"line {self._next.line if line is None else line}: {text}")

    def _name(self, what: str) -> Word:
        """`(NAME)`."""
        self._take("(")
        name = self._take("STRING", what)
        self._take(")")
        return name

    def _names(self, end: str, what: str) -> list[Word]:
        """`NAME, NAME ...` and the mark at the end."""
        found = [self._take("STRING", what)]
        while self._next.kind == ",":
            self._take(",")
            found.append(self._take("STRING", what))
        self._take(end)
        return found

    def _opens(self) -> bool:
        """Whether a body in braces follows; its brace is taken."""
        if self._next.kind != "{":
            return False
        self._take("{")
        return True

    # -- the file

    def file(self) -> Acf:
        """All groups."""
        if self._next.kind == "END":
            raise self._error("the file has no rule; ASG(DEFAULT) { RULE(1, WRITE) }")
        while self._next.kind != "END":
            self._group()
        self._acf.groups.setdefault(DEFAULT, Asg())
        return self._acf

    def _group(self) -> None:
        word = self._next
        match word.kind:
            case "UAG":
                self._members(self._acf.users, "a user's name")
            case "HAG":
                self._members(self._acf.hosts, "a host's name or address")
            case "ASG":
                self._asg()
            case kind if kind in _NOT_HAD:
                raise self._error(f"{kind} is not to be had with Channel Access")
            case _:
                raise self._error(f"expected UAG, HAG or ASG, not {_shown(word)}")

    def _members(self, groups: dict[str, frozenset[str]], what: str) -> None:
        kind = self._take(self._next.kind).kind
        name = self._name("the group's name")
        if name.text in groups:
            raise self._error(f"{kind}({name.text}) stands here twice", name.line)
        members = self._names("}", what) if self._opens() else []
        groups[name.text] = frozenset(
            word.text.lower() if kind == "HAG" else word.text for word in members
        )

    def _asg(self) -> None:
        self._take("ASG")
        name = self._name("the group's name")
        if name.text in self._acf.groups:
            raise self._error(f"ASG({name.text}) stands here twice", name.line)
        asg = self._acf.groups[name.text] = Asg()
        if not self._opens():
            return
        while True:
            self._asg_item(asg)
            if self._next.kind == "}":
                self._take("}")
                return

    def _asg_item(self, asg: Asg) -> None:
        word = self._next
        if word.kind == "INP":
            self._take("INP")
            asg.inputs[ord(word.text[3]) - ord("A")] = self._name("a PV's name").text
        elif word.kind == "RULE":
            asg.rules.append(self._rule())
        else:
            raise self._error(f"expected RULE or INPA to INPL, not {_shown(word)}")

    # -- rules

    def _rule(self) -> Rule:
        self._take("RULE")
        self._take("(")
        level = self._take("INTEGER", "a level, 0 or 1")
        if int(level.text) < 0:
            raise self._error(f"level {level.text} is below 0", level.line)
        self._take(",")
        access = self._one_of(_ACCESS)
        traps = False
        if self._next.kind == ",":
            self._take(",")
            traps = bool(self._one_of(_TRAPS))
        self._take(")")
        users, hosts, calc = self._conditions() if self._opens() else (None, None, None)
        return Rule(int(level.text), access, traps, users, hosts, calc)

    def _one_of(self, known: Mapping[str, int]) -> int:
        word = self._take("STRING", " or ".join(known))
        if word.text not in known:
            text = f"{word.text!r} is none of {', '.join(known)}"
            raise self._error(text, word.line)
        return known[word.text]

    def _conditions(
        self,
    ) -> tuple[frozenset[str] | None, frozenset[str] | None, Calc | None]:
        users: frozenset[str] | None = None
        hosts: frozenset[str] | None = None
        calc = None
        while True:
            word = self._next
            match word.kind:
                case "UAG":
                    users = (users or frozenset()) | self._named(self._acf.users)
                case "HAG":
                    hosts = (hosts or frozenset()) | self._named(self._acf.hosts)
                case "CALC":
                    calc = self._calc()
                case kind if kind in _NOT_HAD:
                    raise self._error(f"{kind} is not to be had with Channel Access")
                case _:
                    raise self._error(f"expected UAG, HAG or CALC, not {_shown(word)}")
            if self._next.kind == "}":
                self._take("}")
                return users, hosts, calc

    def _named(self, groups: Mapping[str, frozenset[str]]) -> frozenset[str]:
        """The members of the groups that are named."""
        kind = self._take(self._next.kind).kind
        self._take("(")
        found: frozenset[str] = frozenset()
        for word in self._names(")", "a group's name"):
            if word.text not in groups:
                text = f"there is no {kind}({word.text}) above this rule"
                raise self._error(text, word.line)
            found |= groups[word.text]
        return found

    def _calc(self) -> Calc:
        self._take("CALC")
        word = self._name("an expression in double quotes")
        try:
            calc = compiled(word.text)
        except CalcError as ex:
            raise self._error(f"CALC({word.text!r}): {ex}", word.line) from ex
        if not calc.inputs:  # EPICS base computes when an input changes
            text = f"CALC({word.text!r}) has no input, so it would never be true"
            raise self._error(text, word.line)
        return calc


def _shown(word: Word) -> str:
    return word.text if word.kind == "END" else repr(word.text)
