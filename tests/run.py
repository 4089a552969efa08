"""Run the tests: most of them side by side, then those that bound a time alone.

    python tests/run.py [--jobs N] [--untimed] [arguments of pytest]

Tests with the mark `timing` can fail because the machine was busy with something else.
So they run in one process after the others, and those that fail run a second time,
which counts; the last lines name them. No other test runs twice. `--untimed` leaves
them out.
"""

import argparse
import json
import platform
import subprocess
import sys
from pathlib import Path

CACHE = Path("build/pytest-timing")
PASSED, FAILED, NOTHING_RAN = 0, 1, 5
"""Exit codes of pytest."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--jobs", default="3", help="processes side by side")
    parser.add_argument("--untimed", action="store_true", help="no test of a time")
    options, rest = parser.parse_known_args()

    # Three for two cores, because most tests wait; the many short ones last, so that
    # no process is left alone with a long file.
    side_by_side = ("-n", options.jobs, "--dist", "loadfile", "--no-loadscope-reorder")
    codes = [pytest("-m", "not timing", *side_by_side, *rest)]
    tried_twice: list[str] = []
    if not options.untimed:
        code, tried_twice = run_timed(rest)
        codes.append(code)
        words = "".join(f"\n  {name}" for name in tried_twice) or " none"
        print(f"\ntimed tests that needed a second try:{words}")
    code = verdict(codes)
    word = "passed" if code == PASSED else f"did not pass ({code})"
    print(f"Python {platform.python_version()}: the tests {word}", flush=True)
    return code


def pytest(*arguments: str) -> int:
    """Run pytest; its exit code."""
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, check=False).returncode


def run_timed(rest: list[str]) -> tuple[int, list[str]]:
    """Run the timed tests, and those that fail once more: (exit code, their names)."""
    timed = ("-m", "timing", "-o", f"cache_dir={CACHE}", *rest)
    code = pytest(*timed, "--cache-clear")
    if code != FAILED:  # anything else is no matter of time
        return code, []
    failed = sorted(json.loads((CACHE / "v/cache/lastfailed").read_text()))
    print("\n*** the timed tests that failed, once more ***", flush=True)
    again = ("--last-failed", "--last-failed-no-failures", "none")
    return pytest(*timed, *again), failed


def verdict(codes: list[int]) -> int:
    """The first code that is not fine; a half without a test is, both are not."""
    if all(code == NOTHING_RAN for code in codes):
        return NOTHING_RAN
    return next((code for code in codes if code not in (PASSED, NOTHING_RAN)), PASSED)


if __name__ == "__main__":
    sys.exit(main())
