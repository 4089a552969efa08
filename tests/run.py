"""Run the tests: most of them side by side, then those that bound a time.

    python tests/run.py [--jobs N] [--untimed] [arguments of pytest]

Tests with the mark `timing` can fail because the machine was busy with something else.
So they run after the others, three at a time: who keeps a bound in company has kept it.
Those that fail have one more try, alone, and the last lines name them. No other test
runs twice. `--untimed` leaves them out.
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

    if not rest:
        compile_all()
    # Three for two cores, because most tests wait; the many short ones last, so that
    # no process is left alone with a long file.
    side_by_side = ("-n", options.jobs, "--dist", "loadfile", "--no-loadscope-reorder")
    codes = [pytest("-m", "not timing", *side_by_side, *rest)]
    if not options.untimed:
        code, tried_twice = run_timed(rest)
        codes.append(code)
        print(f"\ntimed tests that needed a second try, alone:{listed(tried_twice)}")
    code = verdict(codes)
    word = "passed" if code == PASSED else f"did not pass ({code})"
    print(f"Python {platform.python_version()}: the tests {word}", flush=True)
    return code


def compile_all() -> None:
    """Have pytest compile all files, half of them each of two processes: otherwise each
    of those side by side would compile all. What is wrong with a file, they tell."""
    halves = (["tests/unit"], ["--ignore=tests/unit"])
    command = [sys.executable, "-m", "pytest", "--collect-only", "-qq"]
    silent = subprocess.DEVNULL
    for process in [
        subprocess.Popen([*command, *half], stdout=silent, stderr=silent)
        for half in halves
    ]:
        process.wait()


def pytest(*arguments: str) -> int:
    """Run pytest; its exit code."""
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, check=False).returncode


def run_timed(rest: list[str]) -> tuple[int, list[str]]:
    """Run the timed tests: (exit code, those that failed in company)."""
    timed = ("-m", "timing", "-o", f"cache_dir={CACHE}", *rest)
    code = pytest(*timed, "--cache-clear", "-n", "3", "--dist", "loadfile")
    if code != FAILED:  # anything else is no matter of time
        return code, []
    failed = last_failed()
    print("\n*** the timed tests that failed, alone ***", flush=True)
    again = ("--last-failed", "--last-failed-no-failures", "none")
    return pytest(*timed, *again), failed


def last_failed() -> list[str]:
    """The names of the timed tests that failed when they ran last."""
    return sorted(json.loads((CACHE / "v/cache/lastfailed").read_text()))


def listed(names: list[str]) -> str:
    """Names, one a line."""
    return "".join(f"\n  {name}" for name in names) or " none"


def verdict(codes: list[int]) -> int:
    """The first code that is not fine; a half without a test is, both are not."""
    if all(code == NOTHING_RAN for code in codes):
        return NOTHING_RAN
    return next((code for code in codes if code not in (PASSED, NOTHING_RAN)), PASSED)


if __name__ == "__main__":
    sys.exit(main())
