"""`sswd schema`."""

import argparse
import json

from sswd import config
from sswd.cli.commands import Commands, write
from sswd.exit_codes import CLEAN

_MORE = """\
example:
  sswd schema > sswd.config.schema.json
and on the first line of stage.toml, for Taplo and Even Better TOML:
  #:schema ./sswd.config.schema.json"""


def add(commands: Commands) -> None:
    """Add the command."""
    commands.add("schema", schema, "print the JSON Schema of the configuration", _MORE)


def schema(_args: argparse.Namespace) -> int:
    """Print it."""
    write(json.dumps(config.schema(), indent=2, ensure_ascii=False))
    return CLEAN
