"""What a throwaway worker finds of a driver, and how TOML is written from it.

For `sswd init --from` and `--wrap`.
"""

import json
from pathlib import Path

from sswd.config import SystemConfig
from sswd.errors import LoadError
from sswd.pipe.outline import Argument, Outline

ASK = "CHANGE ME"
_BLANKS: dict[str, bool | float] = {"float": 0.0, "int": 0, "bool": False}
_MOTOR = """
# It has move() and position, so it is an EPICS motor record, too: for ophyd, bluesky
# and motor screens. Limits and units are those that the object has, unless given here.
[system.{name}.motors.MOTOR]
object = "self"
# units = "mm"
# limits = [-10.0, 10.0]
"""


def motor(name: str) -> str:
    """The table that serves the driver itself as a motor."""
    return _MOTOR.format(name=name)


def outline_of(
    target: str, folder: Path, args: dict[str, object] | None = None
) -> Outline:
    """What a throwaway worker finds. Raises LoadError."""
    from sswd.ioc.daemon import inspect_target

    system = SystemConfig(target=target, args=args or {})
    loaded = inspect_target.inspect(system, folder, name="init", outline=True)
    if loaded.outline is None:
        raise LoadError(f"{target!r} gave no outline")
    return loaded.outline


def arguments(name: str, arguments: list[Argument]) -> list[str]:
    """`args`: what has no default is to be filled in, the rest stands as a comment."""
    if not arguments:
        return []
    lines = [f"\n[system.{name}.args]\n"]
    for each in arguments:
        if each.is_required:
            value = _BLANKS.get(each.type, ASK)
            shown = toml_value(value)
            lines.append(f"{each.name} = {shown} # {ASK}: it has no default\n")
        elif each.default is not None:
            lines.append(f"# {each.name} = {toml_value(each.default)}\n")
        else:
            lines.append(f"# {each.name} = # has a default\n")
    return lines


def toml_value(value: bool | float | str | list[str]) -> str:
    """As TOML: JSON's spelling of these is TOML's, but for what is not finite."""
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
