"""What `sswd check` wants to know of a system's source: does it evaluate text?

In a worker, because the module is imported there and nowhere else. The source is read,
not run.
"""

import ast
import inspect
import sys

EVALUATING = frozenset({"eval", "exec"})
_NOT_THEIRS = sys.stdlib_module_names | {"sswd"}


def warnings_of(factory: type) -> list[str]:
    """One line for each call of `eval` or `exec` in the modules of a class's bases."""
    modules = dict.fromkeys(cls.__module__ for cls in factory.__mro__)
    return [
        f"{module}, line {line}: {name}() runs text as code, in the worker: whoever "
        "can write the PV that the text comes from can run anything there"
        for module in modules
        if module.partition(".")[0] not in _NOT_THEIRS
        for line, name in _calls(module)
    ]


def _calls(module: str) -> list[tuple[int, str]]:
    """(line, name) of the calls, in order."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, TypeError, SyntaxError, ValueError):
        return []  # an extension module, or none that has a source
    return sorted(
        (node.lineno, node.func.id)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in EVALUATING
    )
