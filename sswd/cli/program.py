"""The program `sswd`: finds the command, runs it, turns errors into exit codes."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from sswd import __version__
from sswd.cli import (
    call,
    check,
    completion,
    demo,
    doctor,
    expand,
    export,
    get,
    init,
    log_lines,
    look,
    operate,
    put,
    replay,
    run,
    schema,
    status,
    top,
)
from sswd.cli.commands import Action, Commands, Parser
from sswd.cli.standard_streams import open_standard_streams
from sswd.control.client import AskError, NoDaemonError, SilentError
from sswd.control.protocol import Refused
from sswd.errors import (
    ConfigError,
    LoadError,
    NotFoundError,
    PortTakenError,
    PutFailed,
    RemoteLost,
    WriteError,
)
from sswd.exit_codes import (
    BAD_CONFIGURATION,
    INTERRUPTED,
    NOT_FOUND,
    TAKEN,
    UNEXPECTED,
    WRONG,
)
from sswd.logs import LogOptions, logging_to

log = logging.getLogger("sswd.cli")

_GROUPS = (
    init,
    run,
    status,
    top,
    operate,
    call,
    look,
    log_lines,
    demo,
    check,
    put,
    get,
    doctor,
    replay,
    expand,
    export,
    schema,
    completion,
)

_ABOUT = """\
Serves blocking instrument code on EPICS Channel Access, each system in a worker
process that may hang or crash while clients stay connected."""
_EXIT_CODES = """\
exit codes:
  0   clean stop (SIGTERM, SIGINT)
  1   a put or command that failed, a PV that cannot be read, a text that `expand`
      refuses; an unexpected error
  2   wrong usage of the command line
  3   `status`, `doctor`: something is wrong; the daemon does not answer
  4   no server answers for a PV; there is no such daemon
  69  a port or prefix that was asked for is taken, or an address is not there
  78  bad configuration; a supervisor must not retry it"""

_CODES = (
    ((ConfigError, LoadError), BAD_CONFIGURATION),
    ((PortTakenError,), TAKEN),
    ((NotFoundError, NoDaemonError), NOT_FOUND),
    ((PutFailed, RemoteLost, WriteError, AskError), UNEXPECTED),
    ((SilentError,), WRONG),
)
"""The exit codes of the errors that are for the operator."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. Raises SystemExit(2) for wrong usage."""
    open_standard_streams()
    args = parser().parse_args(argv)
    options = LogOptions(args.log_format, args.log_level.upper())
    try:
        with logging_to(options):
            code, error = _guarded(args)
            if error and options.format == "json":
                log.critical(error)
    except KeyboardInterrupt:  # before the command began, or after its end
        return INTERRUPTED
    if error and options.format == "text":
        sys.stderr.write(f"sswd: {error}\n")
    return code


def parser() -> Parser:
    """The parser of the command line; docs/reference/cli.md shows its help."""
    top = Parser(prog="sswd", description=_ABOUT, epilog=_EXIT_CODES)
    top.add_argument("--version", action="version", version=f"sswd {__version__}")
    commands = Commands(top)
    for group in _GROUPS:
        group.add(commands)
    commands.add_log_options()
    return top


def _expected(error: Exception) -> tuple[int, str] | None:
    """Exit code and words of an error that is for the operator; None: it is ours."""
    if isinstance(error, AskError) and error.code == "not found":
        return NOT_FOUND, str(error)
    if isinstance(error, Refused):  # another version of sswd answers
        return WRONG, f"{error}; restart the daemon, or use its sswd"
    for kinds, code in _CODES:
        if isinstance(error, kinds):
            return code, str(error)
    return None


def _guarded(args: argparse.Namespace) -> tuple[int, str]:
    """Exit code and the words about an expected error."""
    action: Action = args.action
    try:
        return action(args), ""
    except KeyboardInterrupt:
        return INTERRUPTED, ""
    except BrokenPipeError:
        # The reader of our standard output has gone, e.g. `sswd pvs x.toml | head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNEXPECTED, ""
    except Exception as error:  # the end of the program: logged, not lost
        if (expected := _expected(error)) is not None:
            return expected
        log.critical("unexpected error, please report it", exc_info=True)
        return UNEXPECTED, ""
