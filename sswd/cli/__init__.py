"""The command line: arguments in, exit code out.

    program         `main`: finds the command, runs it, turns errors into exit codes
    run demo check put get expand schema    one file a group of commands
    show            how values of PVs are printed
    status top operate call look log_lines    the same, for a daemon that runs
    daemon          how it is found and asked
    configuration   the arguments that say what to serve
    commands        how a command is added, and how it prints

What needs caproto is imported when a command needs it: `sswd --help` and the words
about a bad configuration come at once, and nothing of it can reach a worker.
"""

from sswd.cli.program import main, parser

__all__ = ["main", "parser"]
