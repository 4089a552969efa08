"""What of a file of puts is to be put again, and where. Pure.

A file has JSON lines: an audit log, or what `sswd commands --json` prints.
"""

import ast
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import takewhile
from typing import Any, NamedTuple

import msgspec

NEVER_RAN = ("DENIED", "REFUSED", "REJECTED")
UNENDED = ("QUEUED", "RUNNING")
DONE = "DONE"
_NO_LITERALS = ("nan", "inf", "-inf")
"""Numbers that Python writes and does not read."""


class BadLedger(ValueError):
    """A file cannot be replayed as it is; the text says why."""


class Step(NamedTuple):
    """One put."""

    line: int
    pv: str
    """Of an audit log, the whole name; else relative to the system's prefix."""
    words: list[str]
    """Elements, as on a command line."""
    at_s: float
    """When it was put, in s since 1970."""
    fate: str
    trouble: str = ""
    """Why it cannot be put as it was; empty: it can."""
    system: str = ""
    """Of the ledger's lines only."""
    prefix: str = ""
    """The system's, likewise."""


def steps(lines: Iterable[str]) -> list[Step]:
    """The puts that ran or may run, in the order in which they came. Raises BadLedger.

    The lines are in the order of their ends, and of bursts.
    """
    return sorted(_steps(lines), key=lambda step: step.at_s)


def _steps(lines: Iterable[str]) -> Iterator[Step]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = msgspec.json.decode(line, type=dict[str, Any])
            step = (
                _of_audit(number, entry)
                if "new" in entry
                else _of_ledger(number, entry)
            )
        except BadLedger:
            raise
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            text = f"line {number} is none of an audit log or of `sswd commands --json`"
            raise BadLedger(f"{text}: {type(error).__name__}: {error}") from None
        if step.fate not in NEVER_RAN:
            yield step


def _of_audit(number: int, entry: dict[str, Any]) -> Step:
    moment = datetime.fromisoformat(f"{entry['date']}T{entry['time']}").astimezone()
    new = entry["new"]
    trouble = ""
    if isinstance(new, list) and entry.get("new-size", len(new)) > len(new):
        size = entry["new-size"]
        trouble = f"the log has {len(new)} of its {size} elements"
    elif isinstance(new, str) and "new-size" in entry:
        trouble = "the log has the beginning of its text only"
    if (count := int(entry.get("count", 1))) > 1:
        trouble = f"{count} puts are one line of the log; record with burst_s = 0"
    words = _words(new)
    fate = str(entry.get("fate", DONE))
    return Step(number, str(entry["pv"]), words, moment.timestamp(), fate, trouble)


def _of_ledger(number: int, entry: dict[str, Any]) -> Step:
    shown = str(entry["value"])
    value: object = shown
    prefix = str(entry.get("prefix", ""))
    if not prefix:
        raise BadLedger(
            f"line {number} does not say its system's prefix, so --to may be where the "
            "puts went; a newer sswd tells it, in the daemon and here"
        )
    trouble = ""
    try:
        value = shown if shown in _NO_LITERALS else ast.literal_eval(shown)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        trouble = "the ledger does not have its whole value"
    return Step(
        number,
        str(entry["pv"]),
        _words(value),
        float(entry["at"]),
        str(entry["state"]),
        trouble,
        str(entry["system"]),
        prefix,
    )


def _words(value: object) -> list[str]:
    if isinstance(value, list | tuple):
        return [_word(each) for each in value]
    return [_word(value)]


def _word(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, bool):
        return str(int(value))
    return value if isinstance(value, str) else repr(value)


def old_prefix(found: Iterable[Step]) -> str:
    """What all names begin with, to the last colon. Raises BadLedger: nothing."""
    names = sorted({step.pv for step in found})
    first, last = (names[0], names[-1]) if names else ("", "")
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    prefix = "".join(one for one, _ in same).rpartition(":")[0]
    if not prefix:
        text = (
            "the names in it have no prefix in common; say by --from which to replace"
        )
        raise BadLedger(text)
    return f"{prefix}:"


def of_system(found: Iterable[Step], system: str) -> list[Step]:
    """Those of one system. Raises BadLedger where several are there, and none named."""
    all_steps = list(found)
    names = sorted({step.system for step in all_steps if step.system})
    if system and names:
        return [step for step in all_steps if step.system == system]
    if len(names) > 1:
        raise BadLedger(
            f"it has several systems, name one by --system: {', '.join(names)}"
        )
    return all_steps


def ended(found: Iterable[Step]) -> tuple[list[Step], str]:
    """Those that have ended, for no other has a fate to compare with; and how many have
    not, in words."""
    all_steps = list(found)
    plan = [step for step in all_steps if step.fate not in UNENDED]
    match len(all_steps) - len(plan):
        case 0:
            return plan, ""
        case 1:
            return plan, "1 command had not ended and is left out"
        case count:
            return plan, f"{count} commands had not ended and are left out"


def moved(step: Step, old: str, new: str) -> str:
    """The name of a step's PV under another prefix. Raises BadLedger."""
    if step.system:
        return new + step.pv
    if not step.pv.startswith(old):
        raise BadLedger(f"line {step.line}: {step.pv} does not begin with {old}")
    return new + step.pv.removeprefix(old)


def came_from(found: Iterable[Step], prefix: str) -> bool:
    """Whether any of them was put to a PV of this prefix."""
    return any((step.prefix + step.pv).startswith(prefix) for step in found)


def wait_s(before: Step | None, step: Step, speed: float) -> float:
    """How long to wait before a step; `speed` 0: not at all."""
    if before is None or speed <= 0:
        return 0.0
    return max(0.0, (step.at_s - before.at_s) / speed)
