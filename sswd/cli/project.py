"""The files of a new project of one driver, from the templates beside this module."""

import getpass
import importlib.util
import json
import keyword
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from string import Template

from sswd import config
from sswd.errors import SswdError

TEMPLATES = Path(__file__).parent / "templates"
SCHEMA = "sswd.schema.json"
_DEPLOY = {
    "deploy/{name}.conf": "supervisord.conf",
    "deploy/{name}.service": "systemd.service",
}
_FILES = {
    "{name}.py": "driver.py",
    "{name}.toml": "config.toml",
    "test_{name}.py": "test.py",
    "pytest.ini": "pytest.ini",
    "README.md": "README.md",
    **_DEPLOY,
}
_TAKEN = sys.stdlib_module_names | {"sswd", "test"}
_NEXT = """\
{made}
next:
{cd}  sswd check {name}.toml
  pytest                  # pip install pytest
  sswd run {name}.toml"""


class NameProblem(SswdError):
    """NAME, or FILE.py:Class, cannot be used; the text says why."""


def files(name: str | None, here: Path) -> tuple[dict[Path, str], str]:
    """Texts by path, and what to say when they are written. Raises NameProblem.

    They go to the folder `here`/`name`; without a name, to `here` itself.
    """
    folder = here if name is None else here / name
    module = module_name(folder.name)
    values = _values(module, folder)
    texts = {
        folder / path.format(name=module): render(template, values)
        for path, template in _FILES.items()
    }
    texts[folder / SCHEMA] = schema_text()
    made = "\n".join(f"  {shown(path, here)}" for path in texts)
    cd = "" if name is None else f"  cd {name}\n"
    return texts, _NEXT.format(made=f"written:\n{made}", cd=cd, name=module)


def deploy_files(name: str, folder: Path) -> dict[Path, str]:
    """Those that have supervisord or systemd serve `folder`/`name`.toml, by path; none
    where they lie already."""
    values = _values(name, folder)
    texts = {
        folder / path.format(name=name): render(template, values)
        for path, template in _DEPLOY.items()
    }
    return {path: text for path, text in texts.items() if not path.exists()}


def render(template: str, values: Mapping[str, str]) -> str:
    """The text of a template with its `$names` filled in."""
    text = (TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")
    return Template(text).substitute(values)


def schema_text() -> str:
    """The JSON Schema that a TOML's first line names."""
    return json.dumps(config.schema(), indent=1, ensure_ascii=False) + "\n"


def write_new(texts: Mapping[Path, str]) -> None:
    """Write files that do not exist. Raises FileExistsError for one that does."""
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)


def shown(path: Path, here: Path) -> str:
    """`path` as seen from the folder `here`."""
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def module_name(name: str) -> str:
    """`name` as a Python module and a TOML table. Raises NameProblem."""
    module = re.sub(r"[-. ]+", "_", name).lower()
    if not (module.isascii() and module.isidentifier()) or keyword.iskeyword(module):
        raise NameProblem(
            f"{name!r} cannot be a Python module; use letters, digits and _"
        )
    if module in _TAKEN or _is_installed(module):
        raise NameProblem(
            f"there is a Python module {module!r} already; choose another"
        )
    return module


def _is_installed(module: str) -> bool:
    """Whether an installed package is called so; what lies here is not meant."""
    spec = importlib.util.find_spec(module)
    return spec is not None and "site-packages" in str(spec.origin or "")


def _values(module: str, folder: Path) -> dict[str, str]:
    words = [*_sswd(), "run", str(folder.resolve() / f"{module}.toml")]
    place = str(folder.resolve())
    return {
        "name": module,
        "class_name": "".join(word.capitalize() for word in module.split("_")),
        "prefix": f"{module.upper()}:",
        "user": getpass.getuser(),
        "command_supervisord": " ".join(_quoted(word) for word in words).replace(
            "%", "%%"
        ),
        "command_systemd": " ".join(_quoted(word) for word in words)
        .replace("%", "%%")
        .replace("$", "$$"),
        "folder_supervisord": place.replace("%", "%%"),
        "folder_systemd": place.replace("%", "%%"),
    }


def _sswd() -> list[str]:
    """How the program that runs now is started, by absolute paths."""
    script = Path(sys.executable).with_name("sswd")
    return [str(script)] if script.exists() else [sys.executable, "-m", "sswd"]


def _quoted(word: str) -> str:
    """For supervisord and systemd alike, where it holds more than a path's letters."""
    if re.fullmatch(r"[\w/.,:+@%$-]+", word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
