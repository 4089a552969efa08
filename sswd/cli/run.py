"""`sswd run`."""

import argparse
import contextlib
from collections.abc import Iterator

from sswd.cli import configuration
from sswd.cli.commands import Commands
from sswd.config import LogConfig
from sswd.control.last_end import noting_end
from sswd.exit_codes import CLEAN
from sswd.log_file import LineFile, also_logging_to, levels, place_of
from sswd.log_sockets import (
    JOURNAL,
    DatagramStream,
    JournalFields,
    SyslogLines,
    also_logging_by,
)

_MORE = """\
examples:
  sswd run stage.toml
  sswd run --prefix LAB:STAGE1: mylab.stage:Stage --arg address=TCPIP::10.0.0.7::INSTR
  sswd run --log-format json --log-level warning stage.toml

In the foreground. SIGTERM and SIGINT stop it within 8 s. SIGHUP reads the file again
and restarts the workers with fresh code; a bad file changes nothing. SIGUSR1 dumps all
stacks. The EPICS_CA and EPICS_CAS variables are obeyed.

Setpoints of PVs with `restore` are kept in `[state] directory` of the file, else in the
state directory: $STATE_DIRECTORY, else $XDG_STATE_HOME/sswd, else ~/.local/state/sswd.
One JSON file for each death of a worker goes there as well."""


def add(commands: Commands) -> None:
    """Add the command."""
    command = commands.add("run", run, "serve systems until a signal says stop", _MORE)
    configuration.add_arguments(command)
    command.add_argument(
        "--exclusive-port",
        action="store_true",
        help="exit with 69 when the TCP port is taken; unless given, another one is "
        "used and UDP is shared, as EPICS base does",
    )
    command.add_argument(
        "--metrics",
        metavar="ADDRESS:PORT",
        help="serve statistics for Prometheus there, as the file's [metrics] listen",
    )


def run(args: argparse.Namespace) -> int:
    """Serve in the foreground; the service's exit code."""
    if args.metrics:
        args.set.append(f'metrics.listen="{args.metrics}"')
    file = configuration.file_of(args)
    with noting_end(file):
        config, folder = configuration.read(args)
    from sswd.ioc.daemon import service

    prefixes = [config.prefix_of(name) for name in config.system]
    with log_as(config.log), noting_end(file, prefixes):
        try:
            return service.run(
                config,
                folder=folder,
                file=file,
                reread=lambda: configuration.read(args)[0],
                exclusive_port=args.exclusive_port,
            )
        except KeyboardInterrupt:  # before the signal handlers are there
            return CLEAN


@contextlib.contextmanager
def log_as(config: LogConfig) -> Iterator[None]:
    """Log as the configuration says, beside what the command line says.

    Raises ConfigError.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(levels(config.levels))
        if config.file:
            file = LineFile(
                place_of(config.file, "log.file"),
                max_bytes=config.max_bytes,
                keep=config.keep,
                what="the log file",
            )
            stack.enter_context(also_logging_to(file, config.format))
        if config.journal:
            journal = DatagramStream(JOURNAL, "the journal")
            stack.enter_context(also_logging_by(journal, JournalFields()))
        if config.syslog:
            syslog = DatagramStream(config.syslog, "syslog")
            stack.enter_context(also_logging_by(syslog, SyslogLines()))
        yield
