"""The configuration of one misbehaving system, for `running_daemon(config=...)`."""

from pathlib import Path

MISBEHAVING = Path(__file__).parents[2] / "misbehaving"
"""The `folder` of the daemons: the systems' modules are found from here."""


def one_system(target: str, keys: str = "", **tables: str) -> str:
    """TOML with one system "main"; `tables` are [system.main.NAME] and their lines."""
    text = f'prefix = "@"\n[system.main]\ntarget = "{target}"\n{keys}\n'
    for name, lines in tables.items():
        text += f"[system.main.{name}]\n{lines}\n"
    return text
