"""Tables of a configuration before they are validated: merged, set, filled in. Pure.

A value is what tomllib makes of TOML. Nothing here knows a key.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from sswd.config.names import Problem

Table = dict[str, Any]

_VARIABLE = re.compile(r"\$(\$\{)|\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}")
"""`$${` stands for `${`; `${NAME}`; `${NAME:-default}`, also where NAME is empty."""


class Expanded(str):
    """A text that is one whole `${NAME}`, so it may stand for a number or a bool."""

    __slots__ = ()

    @property
    def parsed(self) -> object:
        """As TOML reads it; the text itself where that is no TOML."""
        return toml_value(self)


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Table:
    """Both; where they differ in a value, that of `above`. Tables are merged."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            value = merged(old, value)  # noqa: PLW2901 (what is set below)
        result[key] = value
    return result


def in_both(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """Dotted names of keys to which two tables give different values."""
    for key in one.keys() & other.keys():
        first, second = one[key], other[key]
        if isinstance(first, Mapping) and isinstance(second, Mapping):
            yield from (f"{key}.{below}" for below in in_both(first, second))
        elif first != second:
            yield key


def toml_value(text: str) -> object:
    """A value as TOML writes it, else the text itself: 5, true, [1, 2], "a", a."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return str(text)
    return parsed["value"] if len(parsed) == 1 else str(text)


def table_of(setting: str) -> Table:
    """The tables that `a.b."c.d"=VALUE` of a command line means.

    Raises ValueError, whose words say what is wrong.
    """
    key, equals, text = setting.partition("=")
    try:
        table = tomllib.loads(f"{key} = 0")
    except (tomllib.TOMLDecodeError, RecursionError):
        table = {}
    if not equals or not table or "\n" in key:
        raise ValueError(f"{setting!r} is not KEY=VALUE, e.g. system.stage.nice=5")
    return _put(table, toml_value(text))


def _put(table: Table, value: object) -> Table:
    """`value` at the only place that there is."""
    [(key, below)] = table.items()
    return {key: _put(below, value) if isinstance(below, dict) else value}


def filled_in(
    value: Any, environ: Mapping[str, str], problems: list[Problem], path: str = ""
) -> Any:
    """`value` with `${NAME}` replaced in every text; a variable that is not set and has
    no default is added to `problems`, with its key."""
    if isinstance(value, dict):
        return {
            key: filled_in(below, environ, problems, f"{path}.{key}".lstrip("."))
            for key, below in value.items()
        }
    if isinstance(value, list):
        return [filled_in(each, environ, problems, path) for each in value]
    if not isinstance(value, str) or "$" not in value:
        return value
    text = _VARIABLE.sub(lambda m: _word(m, environ, problems, path), value)
    whole = _VARIABLE.fullmatch(value)
    return Expanded(text) if whole is not None and whole[2] else text


def _word(
    match: re.Match[str], environ: Mapping[str, str], problems: list[Problem], path: str
) -> str:
    escaped, name, default = match.groups()
    if escaped:
        return "${"
    found = environ.get(name, "")
    if found or (name in environ and default is None):
        return found
    if default is None:
        text = f"${{{name}}} is not set; set it, or say ${{{name}:-default}}"
        problems.append((path, text))
        return ""
    return str(default)


def plain(value: Any, *, parsed: bool) -> Any:
    """`value` with each Expanded as what it stands for, or as the text that it is."""
    if isinstance(value, Expanded):
        return value.parsed if parsed else str(value)
    if isinstance(value, dict):
        return {key: plain(each, parsed=parsed) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each, parsed=parsed) for each in value]
    return value
