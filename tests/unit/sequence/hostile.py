"""Texts that mean harm, and the yardstick for them."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress

from sswd.sequence import GrammarError

LENGTH = 10_000


def filled(unit: str, head: str = "", tail: str = "") -> str:
    """Return as many units as fit into 10,000 characters."""
    return head + unit * ((LENGTH - len(head) - len(tail)) // len(unit)) + tail


def nested(head: str, core: str, tail: str, depth: int = 31) -> str:
    return head * depth + core + tail * depth


REFUSED = {
    # Brackets and nesting
    "open lists": "[" * 10_000,
    "closed lists": "]" * 10_000,
    "open parentheses": "(" * 10_000,
    "deep lists": "[" * 5_000 + "]" * 5_000,
    "deep group": "(" * 4_999 + "1" + ")" * 4_999,
    "deep calls": filled("reverse("),
    "deep reverse": nested("reverse(", "1", ")", 1_100),
    "mixed brackets": filled("[("),
    "wrong order": "[(1])",
    # Arithmetic bombs
    "power tower": "9**9**9**9",
    "power loop": filled("9**"),
    "huge exponent": "1e999999999",
    "huge integer": "9" * 10_000,
    "product": filled("1e308*", tail="1"),
    "shift": "1<<1000000000",
    "division": "1/0",
    "float division": "0.0/0.0",
    "modulo": "1%0",
    # Point bombs
    "linear": "linear(0, 1e300, 1e-300)",
    "lin_series": "lin_series(-1e308, 1e308, 1e-308)",
    "linspace": "linspace(0, 1, 1e15)",
    "geomspace": "geomspace(1, 2, 9007199254740992)",
    "log_series": "log_series(1e-300, 1e300, 1e300)",
    "ramp": "ramp(0, 1, 1e-9, 9e15, 9e15, 9e15)",
    "power": "power(1, 1, 1e15)",
    "repeat": "repeat([0], 9e15)",
    "repeat repeat": "repeat(repeat(repeat(repeat([0], 99), 99), 99), 99)",
    "repeat nested": nested("repeat(", "[0]", ", 100)"),
    "star bomb": "[0]" + "*9" * 4_000,
    "star huge": "[0] * 9000000000000000",
    "pairs nested": nested("pairs(0,", "[0]", ")"),
    "interleave nested": nested("interleave(0,", "linspace(0,1,9999)", ")"),
    "just over": "linspace(0, 1, 10001)",
    # Attempts at Python
    "dunder import": "__import__('os').system('true')",
    "dunder class": "().__class__.__bases__[0].__subclasses__()",
    "builtins": "__builtins__",
    "attribute": "[1].__class__",
    "float attribute": "1.0.hex()",
    "method": "linear.__globals__",
    "lambda": "(lambda: 0)()",
    "comprehension": "[x for x in [1, 2, 3]]",
    "walrus": "[y := 1]",
    "format": "'{0.__class__}'.format(1)",
    "f-string": "f'{open(1)}'",
    "bytes": "b'0'",
    "string bomb": "'a' * 9999999999",
    "join": "'' + 'a'",
    "star arguments": "linear(*[0, 1])",
    "star keywords": "linear(**{})",
    "semicolon": "[1]; import os",
    "conditional": "[1] if True else [2]",
    "exec": "exec('1')",
    "eval": "eval('[1]')",
    "open": "open('/etc/passwd')",
    "exit": "exit()",
    "comment": "[1] # and more",
    "template": "${jndi:ldap://x}",
    "sql": "'; DROP TABLE values; --",
    # Text that is no text
    "empty": "",
    "blank": " \t\r\n" * 2_500,
    "nul": "[1]\0",
    "nuls": "\0" * 10_000,
    "escape": "\x1b[2J",
    "delete": "[1\x7f]",
    "latin-1": "[1\xb5]",
    "all latin-1": "".join(map(chr, range(256))),
    "c1 controls": "\x85\x9b",
    "no-break space": "[1,\xa02]",
    "arabic digits": "\u0661\u0662",
    "full width": "\uff11",
    "superscript": "[1\xb2]",
    "surrogate": "\ud800",
    "right to left": "\u202e[1]",
    "byte order mark": "\ufeff[1]",
    "astral": "\U0001f600" * 10_000,
    "quotes": "\"'" * 5_000,
    "one quote": "'" + "a" * 9_999,
    "backslashes": "'\\" * 5_000,
    "long name": "a" * 10_000,
    "long call": "a" * 9_997 + "(1)",
    "underscores": "_" * 10_000,
    "dots": "." * 10_000,
    "exponents": "1e" * 5_000,
    "signs": "-" * 10_000,
    "equals": "=" * 10_000,
    "many keywords": filled("a=1,", "linear("),
    "many arguments": filled("1,", "linear(", ")"),
    "same keyword": filled("end=1,", "linear("),
    "underscore digits": "1_000",
    "hexadecimal": "0xff",
    "complex": "1j",
    "infinity": "[inf, -inf]",
    "too long": "1," * 5_001,
}
"""At least sixty texts that the grammar must refuse."""

SLOW = {
    "numbers": filled("0,"),
    "negative": filled("-1,"),
    "double signs": filled("--1,", tail="1"),
    "fractions": filled(".1,"),
    "constants": filled("pi,"),
    "sums": filled("1+", tail="1"),
    "quotients": filled("1/1+", tail="1"),
    "groups": filled("(1)+", tail="1"),
    "joined": filled("[1]+", tail="[1]"),
    "lists": filled("[1],"),
    "empty lists": filled("[],"),
    "nested lists": filled("[[0]],"),
    "times one": "[0]" + "*1" * 4_998,
    "times nothing": "[]" + "*9" * 4_998,
    "sign chain": "-" * 9_999 + "5",
    "trailing blanks": "0" + " " * 9_999,
    "calls": filled("reverse(0)+", tail="0"),
    "long chain": nested("reverse(", "linear(0,1e4,1)", ")"),
    "rounded": nested("round(", "linear(0,1e4,1)", ",1)"),
    "nested large": nested("[", "linear(0,1e4,1)", "]"),
    "ramps": ",".join(["ramp(0,5,1,hold_low=1,hold_high=2,repeat=2)"] * 80),
    "geomspaces": ",".join(["geomspace(start=1,end=1e3,n=99)"] * 80),
    "log_series": ",".join(["log_series(start=1,end=1e3,steps_per_decade=9)"] * 80),
    "unknown keywords": "linear(" + ",".join(f"a{i}=1" for i in range(1_300)) + ")",
}
"""Texts that are as much work as 10,000 characters can be."""

STEPS = 60_000
"""Calls and returns, of Python and C, in the worst text there may be. On a slow core
one takes 0.15 us, so this keeps 10 ms."""


def steps(work: Callable[[], object]) -> int:
    """Return how many calls and returns ``work`` takes: time, without the noise."""
    count = 0

    def profile(*_: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(profile)
    try:
        work()
    except GrammarError:
        pass
    finally:
        sys.setprofile(None)
    return count


def cpu_s(work: Callable[[], object], rounds: int = 5) -> float:
    """Return the CPU time of ``work`` in s, the best of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        start = time.thread_time()
        with suppress(GrammarError):
            work()
        best = min(best, time.thread_time() - start)
    return best
