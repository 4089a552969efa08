"""At each event of supervisord: ask all daemons, have those restarted that are silent.

Only daemons that this supervisord runs are restarted, and only while it calls them
RUNNING. A worker that hangs is no reason: the daemon sees to it.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from sswd.errors import ConfigError
from sswd.exit_codes import BAD_CONFIGURATION, CLEAN, UNEXPECTED
from sswd.logs import LogOptions, logging_to
from sswd.supervisord.daemons import answers
from sswd.supervisord.events import BrokenProtocolError, events
from sswd.supervisord.patience import Patience
from sswd.supervisord.rpc import RUNNING, Supervisord, SupervisordError

log = logging.getLogger("sswd.supervisord")

_ABOUT = """\
An event listener of supervisord: at each event (TICK_5: every 5 s) it asks every sswd
daemon by its control socket. One whose IOC does not answer --times in a row has its
stacks written to its log, is killed, and started anew."""
_MORE = """\
in supervisord's configuration (deploy/supervisor/sswd-events.conf):
  [eventlistener:sswd-events]
  command=/opt/sswd/bin/sswd-supervisor-events
  events=TICK_5"""

_WATCHED = "daemons that are watched, by their process ids: %s"


def main(argv: Sequence[str] | None = None) -> int:
    """Listen until supervisord ends; the exit code."""
    parser = argparse.ArgumentParser(
        prog="sswd-supervisor-events",
        description=_ABOUT,
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--times",
        type=int,
        default=3,
        metavar="N",
        help="questions without an answer before a restart; default 3",
    )
    parser.add_argument(
        "--answer-s",
        type=float,
        default=2.0,
        metavar="S",
        help="how long an answer may take; default 2 s",
    )
    args = parser.parse_args(argv)
    with logging_to(LogOptions("text", "INFO")):
        return _listen(max(1, args.times), args.answer_s)


def _listen(times: int, answer_s: float) -> int:
    patience = Patience(times)
    try:
        supervisord = Supervisord(os.environ)
        log.info(_WATCHED, "none yet")
        for _ in events(sys.stdin.buffer, sys.stdout.buffer):
            look(supervisord, patience, answer_s)
    except ConfigError as ex:
        log.critical("%s", ex)
        return BAD_CONFIGURATION
    except BrokenProtocolError as ex:
        log.critical("%s", ex)
        return UNEXPECTED
    except KeyboardInterrupt:
        pass
    return CLEAN


def look(supervisord: Supervisord, patience: Patience, answer_s: float) -> None:
    """One round: ask, count, restart. What fails is logged; the next round follows."""
    heard = answers(answer_s)
    for pid in (pid for pid, has_answered in heard.items() if not has_answered):
        log.warning("pid %d does not answer within %g s", pid, answer_s)
    before = patience.watched
    spent = patience.heard(heard)
    if patience.watched != before:
        log.info(_WATCHED, ", ".join(map(str, sorted(heard))) or "none")
    if not spent:
        return
    try:
        programs = {each.pid: each for each in supervisord.programs()}
    except SupervisordError as ex:
        log.error("%s", ex)
        return
    for pid in spent:
        program = programs.get(pid)
        if program is None or program.state != RUNNING:
            log.warning("pid %d is not run by this supervisord: left alone", pid)
            continue
        log.error("%s (pid %d) is restarted", program.whole_name, pid)
        try:
            supervisord.restart(program)
        except SupervisordError as ex:
            log.error("%s", ex)
