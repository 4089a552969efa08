"""What a client may do: the file's rules, the groups and the inputs of now. Pure.

As EPICS base's asCompute: of the rules that apply, the one with the greatest access
counts, and of several the first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sswd.access.acf import DEFAULT, NONE, Acf, Asg, Rule
from sswd.access.acf import READ as TO_READ
from sswd.access.acf import WRITE as TO_WRITE
from sswd.access.calc import INPUTS

READ, WRITE = 1, 2
"""Bits of Channel Access's rights."""
_RIGHTS = {NONE: 0, TO_READ: READ, TO_WRITE: READ | WRITE}


class Who(NamedTuple):
    """A client as rules see it."""

    user: str
    """As the client says."""
    host: str
    """Its address, or with `hosts = "name"` what it calls its host."""


@dataclass(frozen=True)
class Granted:
    """What a client gets."""

    rights: int
    """READ and WRITE."""
    traps: bool
    """Whether its puts are recorded, as the rule says."""


class Rules:
    """A file in use: its inputs have values."""

    def __init__(
        self, acf: Acf, addresses: Mapping[str, frozenset[str]] | None = None
    ) -> None:
        """`addresses` of the hosts that HAGs name; None: hosts are compared by name.

        A host that has none there is nobody, until `learn` gives it one.
        """
        self.acf = acf
        self._addresses = None if addresses is None else dict(addresses)
        self._values: dict[str, list[float | None]] = {
            name: [None] * INPUTS for name in acf.groups
        }
        self._hosts: dict[frozenset[str], frozenset[str]] = {}

    def group(self, name: str) -> str:
        """The ASG of a PV that says `name`: itself where it is there, or DEFAULT."""
        return name if name in self.acf.groups else DEFAULT

    def set_input(self, group: str, letter: int, value: float | None) -> bool:
        """INPA (0) to INPL (11) of a group; None: it is not to be had, or INVALID.

        Whether a rule applies now that did not before, or the other way round.
        """
        asg, values = self.acf.groups[group], self._values[group]
        before = self._true(asg, values)
        values[letter] = value
        return before != self._true(asg, values)

    @property
    def unknown(self) -> list[str]:
        """Hosts that HAGs name and that have no address."""
        return [host for host, found in (self._addresses or {}).items() if not found]

    def learn(self, host: str, addresses: frozenset[str]) -> None:
        """A host that was unknown has addresses now."""
        assert self._addresses is not None
        self._addresses[host] = addresses
        self._hosts.clear()

    def granted(self, name: str, level: int, who: Who) -> Granted:
        """What `who` may do with a PV of this ASG; `level` is 0 for values, 1 for most
        of the other fields."""
        group = self.group(name)
        values = self._values[group]
        access, traps = NONE, False
        for rule in self.acf.groups[group].rules:
            if access < rule.access and self._applies(rule, level, who, values):
                access, traps = rule.access, rule.traps
        return Granted(_RIGHTS[access], traps)

    def _applies(
        self, rule: Rule, level: int, who: Who, values: list[float | None]
    ) -> bool:
        if level > rule.level:
            return False
        if rule.users is not None and who.user not in rule.users:
            return False
        if rule.hosts is not None and who.host.lower() not in self._meant(rule.hosts):
            return False
        return rule.calc is None or _is_true(rule, values)

    def _meant(self, hosts: frozenset[str]) -> frozenset[str]:
        """The names or addresses by which the clients of a HAG are known."""
        if self._addresses is None:
            return hosts
        found = self._hosts.get(hosts)
        if found is None:
            none: frozenset[str] = frozenset()
            found = none.union(*(self._addresses.get(host, none) for host in hosts))
            self._hosts[hosts] = found
        return found

    @staticmethod
    def _true(asg: Asg, values: list[float | None]) -> list[bool]:
        return [_is_true(rule, values) for rule in asg.rules if rule.calc is not None]


def _is_true(rule: Rule, values: list[float | None]) -> bool:
    """Whether the CALC of a rule is 1, of inputs that are all there."""
    calc = rule.calc
    if calc is None or any(values[number] is None for number in calc.inputs):
        return False
    known = [0.0 if value is None else value for value in values]
    try:
        result = calc.evaluate(known)
    except (ArithmeticError, ValueError):
        return False
    return 0.99 < result < 1.01
