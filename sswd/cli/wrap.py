"""TOML for a driver that is no system, from what a throwaway worker finds of it."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from sswd.cli import outlined, project
from sswd.cli.outlined import ASK, arguments, outline_of, toml_value
from sswd.cli.project import NameProblem
from sswd.config.names import characters
from sswd.config.tables import toml_value as parsed
from sswd.config.targets import wrapped_kind
from sswd.pipe.motor import ATTRIBUTES
from sswd.pipe.outline import Outline, OutlinePv

_HEAD = """\
#:schema ./{schema}
# What {target} was found to have; take out what nobody
# needs: only what stands here is served. Types marked "a guess" are to be looked at.
# Nothing is read unless poll_s says so: s between two readings, 0 for one after each
# connect. Put a PV's name to {prefix}READ to have it read once.
prefix = "{prefix}"

[system.{name}]
target = "{target}"
"""
_ALL = """
# Its parameters are known when it is connected, so all of them are served then. To
# choose, delete this file and say how to connect:
#   sswd init --wrap {target} --arg address=...
"""
_NEXT = """\
{made}
next: look at the lines marked "guess" or {ask!r} in {toml}, then
  sswd check {toml}
  sswd run {toml}"""
_SCPI = "instrument.toml"


def files(
    target: str, name: str | None, given: Iterable[str]
) -> tuple[dict[Path, str], str]:
    """Texts by path, and what to say. Raises NameProblem, and LoadError for a driver
    that does not load."""
    kind = wrapped_kind(target)
    if not kind:
        raise NameProblem(
            f"--wrap {target!r} is none of pymeasure:module:Class, qcodes:module:Class,"
            " object:module:Class and scpi:FILE.toml"
        )
    args = dict(_argument(text) for text in given)
    here = Path.cwd()
    texts: dict[Path, str] = {}
    last = Path(target.partition(":")[2])
    if kind == "scpi":
        default = f"{last.stem}_ioc"
        if not (here / last).exists():
            texts[here / last] = project.render(_SCPI, {"file": str(last)})
    else:
        default = str(last).rpartition(":")[2]
    system = re.sub(r"\W+", "_", name or default).lower()
    if kind == "scpi" and texts:
        outline = Outline("", [], [])
    else:
        outline = outline_of(target, here, args)
    toml = here / f"{system}.toml"
    texts[toml] = toml_of(system, target, outline, args)
    texts |= project.deploy_files(system, here)
    if not (here / project.SCHEMA).exists():
        texts[here / project.SCHEMA] = project.schema_text()
    made = "\n".join(f"  {project.shown(path, here)}" for path in texts)
    return texts, _NEXT.format(made=f"written:\n{made}", ask=ASK, toml=toml.name)


def _argument(text: str) -> tuple[str, object]:
    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        raise NameProblem(f"--arg {text!r} is not KEY=VALUE")
    return key, parsed(value)


def toml_of(name: str, target: str, outline: Outline, args: dict[str, object]) -> str:
    """The TOML that serves a wrapped driver."""
    prefix = f"{name.upper()}:"
    head = _HEAD.format(schema=project.SCHEMA, target=target, prefix=prefix, name=name)
    lines = [head]
    if outline.ping:
        lines.append(f"ping = {toml_value(outline.ping)} # if it knows this\n")
    lines += _args(name, target, outline, args)
    is_scpi = target.startswith("scpi:")
    if not outline.pvs and not is_scpi and not outline.moves:
        lines.append(_ALL.format(target=target))
    if not is_scpi:  # they stand in its file
        lines += [_pv(name, pv) for pv in outline.pvs if _is_shown(pv, outline)]
    if outline.moves:
        lines.append(outlined.motor(name))
    return "".join(lines)


def _is_shown(pv: OutlinePv, outline: Outline) -> bool:
    """Whether Channel Access can name it, and the motor record does not show it."""
    is_motors = outline.moves and pv.attribute in ATTRIBUTES
    return not list(characters(pv.name)) and not is_motors


def _args(
    name: str, target: str, outline: Outline, args: dict[str, object]
) -> Iterable[str]:
    if target.startswith("scpi:"):
        return
    wanted = [a for a in outline.arguments if a.name not in args]
    if target.startswith("qcodes:"):  # it has the system's name
        wanted = [a for a in wanted if a.name != "name"]
    lines = arguments(name, wanted) or [f"\n[system.{name}.args]\n"]
    lines[1:1] = [f"{key} = {_any(value)}\n" for key, value in args.items()]
    yield from lines


def _any(value: object) -> str:
    if isinstance(value, bool | int | float | str):
        return toml_value(value)
    return toml_value(str(value))


def _pv(name: str, pv: OutlinePv) -> str:
    key = pv.name if re.fullmatch(r"[\w-]+", pv.name) else json.dumps(pv.name)
    guess = " # a guess" if pv.is_guess else ""
    lines = [
        f"[system.{name}.pvs.{key}]",
        f"attribute = {toml_value(pv.attribute)}",
        f'type = "{pv.type}"{guess}',
    ]
    if pv.strings:
        lines.append(f"strings = {toml_value(pv.strings)}")
    if pv.units and pv.type not in ("str", "text", "bool", "enum"):
        lines.append(f"units = {toml_value(pv.units)}")
    if pv.limits is not None:
        low, high = pv.limits
        lines.append(f"limits = [{low!r}, {high!r}]")
    if pv.length is not None:
        lines.append(f"length = {pv.length}")
    if pv.writable and pv.type != "action":
        lines.append("writable = true")
    if pv.about:
        lines.append(f"description = {toml_value(pv.about[:200])}")
    if pv.readable:
        lines.append("# poll_s = 1.0")
    if pv.type == "action":  # what nobody chose is not to be pressed
        lines = [f"# {line}" for line in lines]
    return "\n" + "\n".join(lines) + "\n"
