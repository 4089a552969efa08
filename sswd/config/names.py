"""What a PV may be called; pure. As rules.py, of which it is part."""

import re
from collections.abc import Iterator

Problem = tuple[str, str]
"""The key where the mistake is, relative to what was given, and words with the mend."""

# Names that sswd.ioc.Server serves beside a system's own PVs, under the same prefix.
TEMPLATE_NAMES = frozenset(
    {
        *("CMD", "ACK", "message", "values", "CMD_ID", "CMD_STATE", "CMD_ERROR"),
        *("CMD_TIME", "BUSY", "PROGRESS", "QUEUE_LEN", "ABORT", "CMD_PREVIEW"),
        *("LOCK", "LOCK_OWNER", "LOCK_HOST", "LOCK_NOTE"),
    }
)
RESERVED_PREFIXES = ("WORKER:", "TRIGGER:")
LONGEST_NAME = "WORKER:LAST_ERROR"
"""Of all that sswd itself serves for a system."""
STATISTICS_PREFIX = "IOC:"

# EPICS base: PVNAME_STRINGSZ is 61 with its NUL; a record's name may hold any printable
# ASCII but quotes, space, "." (which starts a field) and "$" (which starts a macro).
NAME_BYTES = 60
_NAME = re.compile(r"[!#%&(-\-/-~]+")


def pv_name(name: str) -> Iterator[Problem]:
    """What is wrong with a declared PV's name."""
    if name in TEMPLATE_NAMES or name.startswith(RESERVED_PREFIXES):
        yield "", "sswd serves a PV of this name itself; choose another name"
    elif not name:
        yield "", "the name is empty"
    else:
        yield from characters(name)


def prefix_rule(text: str) -> Iterator[Problem]:
    """What is wrong with a prefix of PV names."""
    yield from characters(text)
    if "{" in text or "}" in text:
        # caproto's groups expand it with str.format.
        yield "", "a prefix cannot hold { and }: caproto takes them for macros"


def characters(name: str) -> Iterator[Problem]:
    """What a PV name cannot hold."""
    bad = sorted({c for c in name if not _NAME.fullmatch(c)})
    if bad:
        shown = " ".join(map(repr, bad))
        yield "", f"a PV name cannot hold {shown}; use letters, digits, _ : - + [ ]"
