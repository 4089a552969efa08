"""`sswd run`."""

import argparse

from sswd.cli import configuration
from sswd.cli.commands import Commands
from sswd.exit_codes import CLEAN

_MORE = """\
examples:
  sswd run stage.toml
  sswd run --prefix LAB:STAGE1: mylab.stage:Stage --arg address=TCPIP::10.0.0.7::INSTR
  sswd run --log-format json --log-level warning stage.toml

In the foreground. SIGTERM and SIGINT stop it within 8 s, SIGHUP restarts the workers
with fresh code, SIGUSR1 dumps all stacks. The EPICS_CA and EPICS_CAS variables are
obeyed. One JSON file for each death of a worker goes to the state directory:
$STATE_DIRECTORY, else $XDG_STATE_HOME/sswd, else ~/.local/state/sswd."""


def add(commands: Commands) -> None:
    """Add the command."""
    command = commands.add("run", run, "serve systems until a signal says stop", _MORE)
    configuration.add_arguments(command)


def run(args: argparse.Namespace) -> int:
    """Serve in the foreground; the service's exit code."""
    config, folder = configuration.read(args)
    from sswd.ioc.daemon import service

    try:
        return service.run(config, folder=folder)
    except KeyboardInterrupt:  # before the signal handlers are there
        return CLEAN
