"""TOML and test for a driver that exists, from what its source says."""

import json
import re
from pathlib import Path

from sswd.cli import project
from sswd.cli.project import NameProblem
from sswd.config import SystemConfig
from sswd.config.names import characters
from sswd.errors import LoadError
from sswd.pipe.outline import Argument, Outline, OutlinePv

_BLANKS: dict[str, bool | float] = {"float": 0.0, "int": 0, "bool": False}
ASK = "CHANGE ME"
_NEXT = """\
{made}
next: look at the lines marked "guess" or {ask!r} in {toml}, then
  sswd check {toml}
  pytest {folder}         # pip install pytest"""
_HEAD = """\
#:schema ./{schema}
# Written from the source of {target}; correct it where it guesses. The keys are in
# {schema}, which editors of TOML read. `sswd check {toml}` says what is wrong.
prefix = "{prefix}"

[system.{name}]
target = "{target}"
"""


def files(driver: str, name: str | None) -> tuple[dict[Path, str], str]:
    """Texts by path, and what to say. Raises NameProblem, and LoadError for a class
    that does not load."""
    folder, target = _place(driver)
    name = re.sub(r"\W+", "_", name or Path(driver.rpartition(":")[0]).stem).lower()
    outline = outline_of(target, folder)
    toml = folder / f"{name}.toml"
    class_name = target.rpartition(":")[2]
    values = {
        "name": name,
        "target": target,
        "class_name": class_name,
        "needs": needs(outline),
    }
    texts = {
        toml: _toml(name, target, outline),
        folder / f"test_{name}.py": project.render("test_existing.py", values),
    }
    schema = folder / project.SCHEMA
    if not schema.exists():
        texts[schema] = project.schema_text()
    here = Path.cwd()
    made = "\n".join(f"  {project.shown(path, here)}" for path in texts)
    words = _NEXT.format(
        made=f"written:\n{made}",
        ask=ASK,
        toml=project.shown(toml, here),
        folder=project.shown(folder, here),
    )
    return texts, words


def _place(driver: str) -> tuple[Path, str]:
    """The folder to import from, and "module:Class"."""
    file, colon, class_name = driver.rpartition(":")
    path = Path(file).resolve()
    if not colon or path.suffix != ".py" or not class_name:
        raise NameProblem(f"--from {driver!r} is not FILE.py:Class")
    if not path.is_file():
        raise NameProblem(f"there is no file {file}")
    parts = [path.stem]
    folder = path.parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    return folder, f"{'.'.join(parts)}:{class_name}"


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


def needs(outline: Outline) -> str:
    """The arguments that only a person knows, for the test."""
    names = [each.name for each in outline.arguments if each.is_required]
    return ", ".join(names)


def _toml(name: str, target: str, outline: Outline) -> str:
    head = _HEAD.format(
        schema=project.SCHEMA,
        target=target,
        toml=f"{name}.toml",
        prefix=f"{name.upper()}:",
        name=name,
    )
    lines = [head, *arguments(name, outline.arguments)]
    lines += [_pv(name, pv) for pv in outline.pvs if not list(characters(pv.name))]
    return "".join(lines)


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


def _pv(name: str, pv: OutlinePv) -> str:
    key = pv.name if re.fullmatch(r"[\w-]+", pv.name) else json.dumps(pv.name)
    guess = " # a guess" if pv.is_guess else ""
    lines = [f"\n[system.{name}.pvs.{key}]", f'type = "{pv.type}"{guess}']
    if pv.strings:
        lines.append(f"strings = {toml_value(pv.strings)}")
    if pv.writable and pv.type != "action":
        lines.append("writable = true")
    if pv.readback:
        lines.append("readback = true")
    if pv.about:
        lines.append(f"description = {toml_value(pv.about)}")
    return "\n".join(lines) + "\n"


def toml_value(value: bool | float | str | list[str]) -> str:
    """As TOML: JSON's spelling of these is TOML's, but for what is not finite."""
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
