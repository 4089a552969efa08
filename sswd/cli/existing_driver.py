"""TOML and test for a driver that exists, from what its source says."""

import json
import re
from pathlib import Path

from sswd.cli import outlined, project, wrap
from sswd.cli.outlined import ASK, outline_of, toml_value
from sswd.cli.project import NameProblem
from sswd.config.names import characters
from sswd.pipe.outline import Outline, OutlinePv

_NEXT = """\
{made}
next: look at the lines marked "guess" or {ask!r} in {toml}, then
  sswd check {toml}
  pytest {folder}         # pip install pytest
  sswd run {toml}"""
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
    if not outline.is_system:  # as it is, it takes no commands
        target = f"object:{target}"
        outline = outline_of(target, folder)
        text = wrap.toml_of(name, target, outline, {})
    else:
        text = _toml(name, target, outline)
    toml = folder / f"{name}.toml"
    needs = ", ".join(each.name for each in outline.arguments if each.is_required)
    values = {"name": name, "target": target, "needs": needs}
    texts = {
        toml: text,
        folder / f"test_{name}.py": project.render("test_existing.py", values),
        **project.deploy_files(name, folder),
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


def _toml(name: str, target: str, outline: Outline) -> str:
    head = _HEAD.format(
        schema=project.SCHEMA,
        target=target,
        toml=f"{name}.toml",
        prefix=f"{name.upper()}:",
        name=name,
    )
    lines = [head, *outlined.arguments(name, outline.arguments)]
    lines += [_pv(name, pv) for pv in outline.pvs if not list(characters(pv.name))]
    if outline.moves:
        lines.append(outlined.motor(name))
    return "".join(lines)


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
