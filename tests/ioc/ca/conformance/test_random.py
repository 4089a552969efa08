"""Random gets, as libca's clients make them, from EPICS base and from us."""

import fnmatch
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from base_ioc import serving_base  # noqa: E402
from random_gets import environment  # noqa: E402
from table import TABLE, deviations, is_listed  # noqa: E402

from sswd.testing import free_port  # noqa: E402

SEED, GETS = 20, 400


@pytest.mark.timeout(120)
def test_random_gets_are_answered_alike() -> None:
    """In a process of its own: libca reads its addresses once."""
    with serving_base("fields.db") as base_port:
        done = subprocess.run(
            [
                *(sys.executable, HERE / "random_gets.py", "--seed", str(SEED)),
                *("--gets", str(GETS), "--base-port", str(base_port)),
            ],
            env={**os.environ, **environment(base_port, free_port())},
            capture_output=True,
            text=True,
            timeout=100,
        )
    *lines, last = done.stdout.splitlines() or [done.stderr]
    assert last == f"seed {SEED}: {GETS} gets compared", done.stderr
    different = [line.split("\t")[0] for line in lines]
    # What test_fields.py lists is listed for `NAME$` as well.
    fields = [p for p in deviations() if p.startswith("field/")]
    ours = [p for p in deviations() if p.startswith("random/")]
    unlisted = [
        line
        for line, case in zip(lines, different, strict=True)
        if not is_listed(case, ours)
        and not is_listed(case.replace("random/", "field/").replace("$", ""), fields)
    ]
    assert not unlisted, "\n".join(unlisted)
    stale = [p for p in ours if not fnmatch.filter(different, p)]
    assert not stale, f"no longer different, remove from {TABLE.name}: {stale}"
