"""The differences that docs/reference/conformance.md lists."""

import fnmatch
import re
from pathlib import Path

TABLE = Path(__file__).parents[4] / "docs/reference/conformance.md"


def deviations():
    """The patterns in the first column of the table."""
    rows = re.findall(r"^\| `([^|]+)` \|", TABLE.read_text(), re.MULTILINE)
    return [pattern for row in rows for pattern in row.split("` `")]


def is_listed(case, patterns):
    return any(fnmatch.fnmatchcase(case, pattern) for pattern in patterns)


def check(different, kinds):
    """Every difference is listed, and every line of these kinds is a difference."""
    patterns = [p for p in deviations() if p.split("/")[0] in kinds]
    unlisted = {c: a for c, a in different.items() if not is_listed(c, patterns)}
    assert not unlisted, f"{len(unlisted)} differ\n" + "\n".join(
        f"{case}\n  base {base}\n  sswd {ours}"
        for case, (base, ours) in list(unlisted.items())[:10]
    )
    stale = [p for p in patterns if not fnmatch.filter(different, p)]
    assert not stale, f"no longer different, remove from {TABLE.name}: {stale}"
