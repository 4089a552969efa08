"""`sswd demo`."""

import argparse

from sswd.cli.commands import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    command = commands.add(
        "demo", demo, "serve a simulated instrument, on loopback only"
    )
    command.add_argument(
        "--sequence",
        action="store_true",
        help="instead: two servers and a master that steps them through nested loops",
    )
    command.add_argument(
        "--plain", action="store_true", help="no live display, also on a terminal"
    )


def demo(args: argparse.Namespace) -> int:
    """Serve the demo in the foreground; its exit code."""
    from sswd import demo
    from sswd.demo import sequence

    run = sequence.run if args.sequence else demo.run
    return run(plain=args.plain)
