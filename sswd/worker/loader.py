""" "package.module:Class" -> the class, with failures that say what to correct."""

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

from sswd.config.targets import wrapped_kind
from sswd.directories import current_directory
from sswd.errors import LoadError
from sswd.pipe.worker_spec import WorkerSpec

_ADAPTERS = "sswd.adapters:system_of"
"""By name, as any driver: they lean on the worker, and the worker not on them."""


def load_system(spec: WorkerSpec) -> type:
    """The class of the system that `spec` names, a wrapped driver's too."""
    if wrapped_kind(spec.target):
        found: type = load(_ADAPTERS, spec.folder)(spec)
        return found
    return load_class(spec.target, spec.folder)


def load(target: str, folder: str = "") -> Any:
    """Import the module of `target` and return what it names.

    `folder` (that of the configuration) goes first on sys.path. Raises LoadError when
    there is no such module or name; what the module itself raises goes through.
    """
    module_name, colon, name = target.partition(":")
    if not (module_name and colon and name):
        raise LoadError(f"{target!r} is not of the form 'package.module:Class'")
    path = str(Path(folder).resolve()) if folder else str(current_directory())
    if path not in sys.path:
        sys.path.insert(0, path)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as ex:
        if ex.name and (module_name + ".").startswith(ex.name + "."):
            raise LoadError(
                f"no module {module_name!r} (looked in {path} and the installed "
                "packages); is it spelled right, and installed in this environment?"
            ) from ex
        raise
    found: Any = module
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as ex:
            raise LoadError(f"module {module_name!r} has no {name!r}") from ex
    return found


def load_class(target: str, folder: str = "") -> type:
    """The same for a class; LoadError when `target` names something else."""
    found = load(target, folder)
    if not isinstance(found, type):
        raise LoadError(f"{target!r} is a {type(found).__name__}, not a class")
    return found
