"""`sswd completion`: the commands and options, for the shell."""

import argparse

from sswd.cli.commands import Commands, write
from sswd.errors import ConfigError
from sswd.exit_codes import CLEAN

SHELLS = ("bash", "zsh", "fish")
_MORE = """\
Needs shtab: pip install 'sswd[cli]'.

examples:
  sswd completion bash > ~/.local/share/bash-completion/completions/sswd
  sswd completion zsh > ~/.zfunc/_sswd
  sswd completion fish > ~/.config/fish/completions/sswd.fish"""


def add(commands: Commands) -> None:
    """Add the command."""
    about = "print the completion of commands and options"
    command = commands.add("completion", completion, about, _MORE)
    command.set_defaults(whole=commands.top)
    command.add_argument("shell", choices=SHELLS, metavar="|".join(SHELLS))


def completion(args: argparse.Namespace) -> int:
    """Print it. Raises ConfigError where shtab is missing."""
    try:
        import shtab
    except ImportError:
        raise ConfigError("needs shtab: pip install 'sswd[cli]'") from None
    write(shtab.complete(args.whole, shell=args.shell))
    return CLEAN
