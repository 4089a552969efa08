"""`python -m sswd.master FILE.toml`: serve a master until TERM or INT."""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from sswd.errors import ConfigError, PortTakenError
from sswd.exit_codes import BAD_CONFIGURATION, CLEAN, TAKEN
from sswd.logs import LogOptions, logging_to
from sswd.master.config import MasterConfig, load


def main(argv: Sequence[str] | None = None) -> int:
    """Serve one master until TERM or INT. Main thread only.

    `argv` are the arguments without the program's name; None: those of the process.
    Returns the exit code: 0, 69 (port taken) or 78 (configuration).
    """
    parser = argparse.ArgumentParser(prog="python -m sswd.master", description=__doc__)
    parser.add_argument("file", type=Path, metavar="FILE.toml")
    parser.add_argument(
        "--until-eof", action="store_true", help="end when standard input does, too"
    )
    args = parser.parse_args(argv)
    with logging_to(LogOptions("text", "INFO")):
        try:
            asyncio.run(serve(load(args.file), until_eof=args.until_eof))
        except (ConfigError, PortTakenError) as error:
            logging.getLogger("sswd.master").critical("%s", error)
            is_config = isinstance(error, ConfigError)
            return BAD_CONFIGURATION if is_config else TAKEN
    return CLEAN


async def serve(config: MasterConfig, *, until_eof: bool = False) -> None:
    """Serve the master's PVs and step its servers until TERM or INT.

    `until_eof`: also end when standard input, which is a pipe then, ends. Raises
    PortTakenError when the TCP port is not to be had. It sets signal handlers, so it
    runs in the main thread's loop only.
    """
    from sswd.ioc.ca import Context
    from sswd.master.group import MasterGroup

    group = MasterGroup(config)
    serving = asyncio.create_task(Context(group.pvdb).run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, serving.cancel)
    if until_eof:
        loop.add_reader(sys.stdin, serving.cancel)  # nobody writes: it is the end
    group.connect()
    try:
        await serving
    finally:
        await group.close()


if __name__ == "__main__":
    sys.exit(main())
