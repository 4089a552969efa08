"""`sswd replay`: the puts of an audit log or a ledger, to another system."""

import argparse
import sys
import time
from pathlib import Path

from sswd.cli.commands import Commands, write
from sswd.cli.daemon import clean
from sswd.cli.replay_plan import (
    DONE,
    BadLedger,
    Step,
    came_from,
    ended,
    moved,
    of_system,
    old_prefix,
    steps,
    wait_s,
)
from sswd.errors import ConfigError, NotFoundError, PutFailed, RemoteLost
from sswd.exit_codes import CLEAN, UNEXPECTED

_MORE = """\
In the order in which they came, each when the former has ended, and the first that
fails ends it: exit code 1. One that failed then and fails now is no failure. Puts that
never ran (refused, denied, rejected) are left out, and commands that had not ended,
which it tells. A line of the audit log that stands for several puts of a burst cannot
be put, and fails: let `[audit] burst_s` be 0 where all are to be put again. --to names
another system, such as a simulator: the prefix that the puts went to is refused.

examples:
  sswd replay stage-puts.jsonl --to SIM:STAGE1: --dry-run
  sswd replay stage-puts.jsonl --to SIM:STAGE1: --speed 1
  sswd commands stage --last 200 --json > last.jsonl
  sswd replay last.jsonl --to SIM:STAGE1: --keep-going"""


def add(commands: Commands) -> None:
    """Add the command."""
    about = "put what an audit log has to another system"
    command = commands.add("replay", replay, about, _MORE)
    command.add_argument("ledger", metavar="LEDGER", type=Path, help="the file")
    command.add_argument(
        "--to", required=True, metavar="PREFIX", help="where to put it"
    )
    command.add_argument(
        "--from",
        dest="old",
        metavar="PREFIX",
        help="what --to replaces; unless given, what all names have in common",
    )
    command.add_argument(
        "--system", default="", metavar="SYSTEM", help="of `sswd commands --json`"
    )
    command.add_argument(
        "--speed",
        type=float,
        default=0.0,
        metavar="X",
        help="times as fast as it was, 1: with the same pauses; unless given, without",
    )
    command.add_argument(
        "--dry-run", action="store_true", help="print the puts and put nothing"
    )
    command.add_argument(
        "--keep-going", action="store_true", help="go on after one that fails"
    )
    command.add_argument(
        "--timeout",
        type=float,
        metavar="S",
        help="a put that has not ended then has failed; no limit unless given",
    )


def replay(args: argparse.Namespace) -> int:
    """Put them; the exit code. Raises ConfigError for a file that is no ledger."""
    try:
        plan, left_out = ended(of_system(_read(args.ledger), args.system))
        is_whole = any(not step.system for step in plan)
        old = args.old if args.old or not is_whole else old_prefix(plan)
        names = [moved(step, old or "", args.to) for step in plan]
    except BadLedger as error:
        raise ConfigError(f"{args.ledger}: {error}") from None
    if came_from(plan, args.to):
        raise ConfigError(
            f"--to {args.to} is where these puts went; name another system"
        )
    if left_out:
        sys.stderr.write(f"sswd: {args.ledger}: {left_out}\n")
    failed = 0
    before: Step | None = None
    for step, name in zip(plan, names, strict=True):
        if not args.dry_run:
            time.sleep(wait_s(before, step, args.speed))
        before = step
        is_good, words = _perform(step, name, args)
        write(clean(f"{name} {' '.join(step.words)}: {words}"))
        failed += not is_good
        if not is_good and not args.keep_going:
            break
    return UNEXPECTED if failed else CLEAN


def _read(path: Path) -> list[Step]:
    try:
        with path.open(encoding="utf-8") as lines:
            return list(steps(lines))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None


def _perform(step: Step, name: str, args: argparse.Namespace) -> tuple[bool, str]:
    """Whether it is as it was, and how it ended in words."""
    if step.trouble:
        return False, f"cannot be put: {step.trouble}"
    if args.dry_run:
        return True, f"would be put (it was {step.fate})"
    import asyncio

    from sswd.ioc.client import ask

    putting = ask.put(
        name, step.words, wait_s=2.0, timeout_s=args.timeout, as_number=False
    )
    try:
        asyncio.run(putting)
    except PutFailed as error:
        words = str(error).removeprefix(f"{name}: ")
        if step.fate == DONE:
            return False, words
        return True, f"{words} (it was {step.fate})"
    except (NotFoundError, RemoteLost) as error:
        return False, str(error)
    return True, "done" if step.fate == DONE else f"done (it was {step.fate})"
