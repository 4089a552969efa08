"""What a class can be given and what it serves, read from its source.

For `sswd init --from`, in a throwaway worker: the class is imported, its source is
read, and nothing of it is called. Handlers `on_<pv>` and comparisons of `pv_name` in
`io_execute` are PVs that clients write; what is posted under a literal name is a PV
that the system posts.
"""

import ast
import contextlib
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints

from sswd.config import TEMPLATE_NAMES
from sswd.pipe.outline import Argument, Outline, OutlinePv
from sswd.worker.constructing import COMMANDS
from sswd.worker.system import takes_nothing

_TYPES: dict[Any, str] = {float: "float", int: "int", bool: "bool", str: "str"}
_CALLS = {"float": "float", "int": "int", "bool": "bool", "str": "str", "len": "int"}
_ELSE = "float"
_SHORT = 200
_OURS = ("sswd.", "builtins")
_NOT_PVS = ("on_cmd", "on_CMD")


def outline_of(factory: type) -> Outline:
    """The outline of a class."""
    trees = [tree for cls in factory.__mro__ for tree in _tree(cls)]
    declared = {str(pv) for pv in getattr(factory, "pvs", {})} | TEMPLATE_NAMES
    found: dict[str, OutlinePv] = {}
    for pv in (*_handled(factory), *_compared(trees), *_posted(trees)):
        if pv.name not in declared:
            found.setdefault(pv.name, pv)
    return Outline(
        _about(factory),
        list(arguments_of(factory)),
        _paired(found),
        is_system=any(callable(getattr(factory, m, None)) for m in COMMANDS),
        moves=moves(factory),
    )


def moves(factory: object) -> bool:
    """Whether a class has move(position) and position, as its source shows it."""
    if not (isinstance(factory, type) and callable(getattr(factory, "move", None))):
        return False
    if inspect.getattr_static(factory, "position", None) is not None:
        return True
    return any(
        isinstance(node, ast.Attribute)
        and node.attr == "position"
        and isinstance(node.ctx, ast.Store)
        and _names(node.value) == "self"
        for cls in factory.__mro__
        for tree in _tree(cls)
        for node in ast.walk(tree)
    )


def _paired(found: dict[str, OutlinePv]) -> list[OutlinePv]:
    """With `X_RBV` beside a writable `X` as its readback."""
    setpoints = {f"{name}_RBV" for name, pv in found.items() if pv.writable}
    return [
        OutlinePv(
            pv.name,
            pv.type,
            pv.is_guess,
            pv.writable,
            pv.strings,
            pv.writable and f"{name}_RBV" in found,
            pv.about,
        )
        for name, pv in found.items()
        if name not in setpoints
    ]


def arguments_of(factory: type) -> Iterator[Argument]:
    """The parameters of the constructor that can be given by name."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return
    hints = _hints(inspect.getattr_static(factory, "__init__"))
    for each in parameters:
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY):
            default = each.default
            is_plain = isinstance(default, bool | int | float | str)
            yield Argument(
                each.name,
                _TYPES.get(hints.get(each.name), ""),
                default if is_plain and default is not each.empty else None,
                default is each.empty,
            )


def _handled(factory: type) -> Iterator[OutlinePv]:
    """PVs of the methods `on_<pv>`."""
    for name, function in inspect.getmembers(factory, inspect.isfunction):
        pv = name.removeprefix("on_")
        if pv == name or name in _NOT_PVS or name.startswith("on_input_"):
            continue
        pv_type, strings = _of_handler(function)
        yield OutlinePv(
            pv.upper() if pv.islower() else pv,
            pv_type or _ELSE,
            not pv_type,
            True,
            strings,
            about=_about(function),
        )


def _of_handler(function: Any) -> tuple[str, list[str]]:
    """Type and strings, as the annotation of the value says; "" where it says none."""
    # `self` is still a parameter: bound, it would be gone.
    if takes_nothing(function.__get__(object())):
        return "action", []
    hints = _hints(function)
    hints.pop("return", None)
    hint = next(iter(hints.values()), None)
    if get_origin(hint) is Literal and all(isinstance(a, str) for a in get_args(hint)):
        return "enum", list(get_args(hint))
    return _TYPES.get(hint, ""), []


def _compared(trees: list[ast.AST]) -> Iterator[OutlinePv]:
    """PVs that `io_execute(pv_name, value)` compares its first argument with."""
    for tree in trees:
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef) or node.name != "io_execute":
                continue
            names = [argument.arg for argument in node.args.args[1:2]]
            for test in ast.walk(node):
                if isinstance(test, ast.Compare) and _names(test.left) in names:
                    for other in test.comparators:
                        if pv := _text(other):
                            yield OutlinePv(pv, _ELSE, writable=True)


def _posted(trees: list[ast.AST]) -> Iterator[OutlinePv]:
    """PVs that are posted under a literal name."""
    for tree in trees:
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not _is_post(node.func):
                continue
            for key, value in _pairs(node.args):
                if pv := _text(key):
                    known = _of_value(value)
                    yield OutlinePv(pv, known or _ELSE, not known)


def _pairs(arguments: list[ast.expr]) -> Iterator[tuple[ast.expr | None, ast.expr]]:
    """Name and value of a mapping, or of two arguments."""
    if arguments and isinstance(first := arguments[0], ast.Dict):
        yield from zip(first.keys, first.values, strict=True)
    elif len(arguments) > 1:
        yield arguments[0], arguments[1]


def _is_post(function: ast.expr) -> bool:
    """`x.io_put`, or `x.io_put_queue.put` of the classic contract."""
    if not isinstance(function, ast.Attribute):
        return False
    owner = function.value
    return function.attr == "io_put" or (
        function.attr in ("put", "async_put")
        and isinstance(owner, ast.Attribute)
        and owner.attr == "io_put_queue"
    )


def _of_value(value: ast.expr) -> str:
    """The type of what is posted, where the expression shows it."""
    match value:
        case ast.Constant(constant):
            return _TYPES.get(type(constant), "")
        case ast.JoinedStr():
            return "str"
        case ast.Call(ast.Name(called)):
            return _CALLS.get(called, "")
        case ast.Compare():
            return "bool"
        case _:
            return ""


def _text(node: ast.expr | None) -> str:
    value = node.value if isinstance(node, ast.Constant) else ""
    return value if isinstance(value, str) else ""


def _names(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _about(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0].rstrip(".")[:_SHORT]


def _hints(function: Any) -> dict[str, Any]:
    with contextlib.suppress(Exception):  # names that exist for type checkers only
        return get_type_hints(function)
    return {}


def _tree(cls: type) -> Iterator[ast.AST]:
    """The syntax tree of a class; none for ours, and for what has no source."""
    if f"{cls.__module__}.".startswith(_OURS):
        return
    with contextlib.suppress(OSError, TypeError, SyntaxError, ValueError):
        yield ast.parse(textwrap.dedent(inspect.getsource(cls)))
