"""Misbehaving systems: the configuration of one, and what its module says of itself."""

import importlib.util
from pathlib import Path
from typing import Any

MISBEHAVING = Path(__file__).parents[2] / "misbehaving"
"""The `folder` of the daemons: the systems' modules are found from here."""


def one_system(target: str, keys: str = "", **tables: str) -> str:
    """TOML with one system "main"; `tables` are [system.main.NAME] and their lines."""
    text = f'prefix = "@"\n[system.main]\ntarget = "{target}"\n{keys}\n'
    for name, lines in tables.items():
        text += f"[system.main.{name}]\n{lines}\n"
    return text


def tables_of(module: str, folder: Path = MISBEHAVING) -> Any:
    """The module of a misbehaving system, for what it wants done and told."""
    spec = importlib.util.spec_from_file_location(module, folder / f"{module}.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded
