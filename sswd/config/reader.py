"""Reading the configuration: TOML to validated structs, or one error with all mends.

The keys are in keys/, what goes together in rules.py, the JSON Schema in schema.py.
Nothing here imports caproto: `sswd check` of a bad file must be quick, and the worker
may use it.
"""

import difflib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeGuard, TypeVar, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo, fields

from sswd.config import motor_rules, names, pv_rules, rules
from sswd.config.files import read_table
from sswd.config.keys import (
    Config,
    LogConfig,
    MetricsConfig,
    MotorConfig,
    PvConfig,
    RestartConfig,
    SystemConfig,
    TriggerConfig,
)
from sswd.config.tables import filled_in, plain
from sswd.errors import ConfigError

_Table = TypeVar("_Table", bound=msgspec.Struct)


def load(
    path: str | Path,
    above: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Config:
    """The configuration in a TOML file and those that it includes, `${NAME}` filled in.

    `above` are tables that win over the files' (a command line's); `environ` has the
    variables, default: those of the process. Raises ConfigError (exit code 78) whose
    text names the file and, for each mistake, the line or the key and the mend.
    """
    path = Path(path)
    known = os.environ if environ is None else environ
    table = read_table(path, above, known)
    problems: list[names.Problem] = []
    filled = filled_in(table, known, problems)
    reader = _Reader()
    if problems:
        reader.add("", problems)
        _result(None, reader.problems, str(path))
    return from_dict(filled, str(path))


def from_dict(mapping: Mapping[str, object], origin: str) -> Config:
    """The configuration in a mapping of the TOML's shape; `origin` starts error texts.

    Raises ConfigError, which tells all mistakes at once.
    """
    reader = _Reader()
    config = reader.table(Config, mapping, "")
    if config is not None:
        reader.add("", rules.whole(config))
    return _result(config, reader.problems, origin)


def pv_from_dict(name: str, mapping: Mapping[str, object], origin: str) -> PvConfig:
    """One PV with the keys of the TOML, as a system's class declares it in `pvs`.

    `origin` starts error texts, e.g. "mylab.stage:Stage". Raises ConfigError.
    """
    reader = _Reader()
    path = f"pvs.{name}"
    reader.add(path, names.pv_name(name))
    return _result(reader.table(PvConfig, mapping, path), reader.problems, origin)


def _result(config: _Table | None, problems: list[str], origin: str) -> _Table:
    if config is not None and not problems:
        return config
    if len(problems) == 1:
        raise ConfigError(f"{origin}: {problems[0]}")
    lines = "".join(f"\n  {problem}" for problem in problems)
    raise ConfigError(f"{origin}: {len(problems)} mistakes:{lines}")


class _Reader:
    """Builds structs key by key, so that every mistake is found and has its key.

    msgspec alone stops at the first one, and calls every table's key "[...]".
    """

    def __init__(self) -> None:
        self.problems: list[str] = []

    def add(self, path: str, problems: Iterable[names.Problem]) -> None:
        for key, text in problems:
            where = _join(path, key)
            self.problems.append(f"{where}: {text}" if where else text)

    def table(self, cls: type[_Table], given: object, path: str) -> _Table | None:
        """The struct, or None after adding to `problems`."""
        if not isinstance(given, Mapping):
            self.add(path, [("", f"must be a table, [{path or 'system.NAME'}]")])
            return None
        before = len(self.problems)
        infos = {info.name: info for info in fields(cls)}
        self.add(path, _unknown(given, infos))
        values = {}
        for name, info in infos.items():
            if name in given:
                values[name] = self._value(info.type, given[name], _join(path, name))
            elif info.required:
                self.add(path, [("", f"key {name!r} is missing")])
        if len(self.problems) > before:
            return None
        table = cls(**values)
        self.add(path, _rules(table))
        return table

    def _value(self, hint: Any, given: object, path: str) -> object:
        """The value of one key, or None after adding to `problems`."""
        inner = get_args(hint)[0] if get_origin(hint) is Annotated else hint
        inner = _optional_table(inner) or inner
        if _is_table(inner):
            return self.table(inner, given, path)
        if get_origin(inner) is dict and _is_table(get_args(inner)[1]):
            return self._tables(get_args(inner)[1], given, path)
        try:
            return _converted(given, hint)
        except msgspec.ValidationError as error:
            self.add(path, [("", _told(inner, given, str(error)))])
            return None

    def _tables(
        self, cls: type[_Table], given: object, path: str
    ) -> dict[str, _Table | None]:
        if not isinstance(given, Mapping):
            self.add(path, [("", f"must hold tables, [{path}.NAME]")])
            return {}
        tables = {}
        for name, value in given.items():
            self.add(_join(path, name), _NAME_RULES[cls](name))
            tables[name] = self.table(cls, value, _join(path, name))
        return tables


def _converted(given: object, hint: Any) -> object:
    """A `${NAME}` where a number is wanted is the number that it stands for."""
    if _holds_any(hint):
        return msgspec.convert(plain(given, parsed=True), hint, strict=True)
    text = plain(given, parsed=False)
    try:
        return msgspec.convert(text, hint, strict=True)
    except msgspec.ValidationError:
        parsed = plain(given, parsed=True)
        if parsed == text:
            raise
        return msgspec.convert(parsed, hint, strict=True)


def _holds_any(hint: Any) -> bool:
    """Whether the values of a table may be of any type: a driver's arguments."""
    inner = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    return get_origin(inner) is dict and get_args(inner)[1] is Any


_NAME_RULES: dict[type, Callable[[str], Iterable[names.Problem]]] = {
    PvConfig: names.pv_name,
    MotorConfig: motor_rules.name,
    SystemConfig: rules.system_name,
}


def _rules(table: msgspec.Struct) -> Iterable[names.Problem]:
    match table:
        case PvConfig():
            return pv_rules.pv(table)
        case RestartConfig():
            return rules.restart(table)
        case TriggerConfig():
            return rules.trigger(table)
        case SystemConfig():
            return rules.system(table)
        case MotorConfig():
            return motor_rules.motor(table)
        case LogConfig():
            return rules.log(table)
        case MetricsConfig():
            return rules.metrics(table)
        case _:
            return ()


def _is_table(hint: object) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct)


def _optional_table(hint: object) -> type[msgspec.Struct] | None:
    """The table of a hint `Table | None`."""
    first = next(iter(get_args(hint)), None)
    is_optional = get_args(hint)[1:] == (type(None),)
    return first if is_optional and _is_table(first) else None


def _join(path: str, key: str) -> str:
    """The dotted name of a key, quoted where TOML would quote it."""
    if not path or not key:
        return path or key
    bare = re.fullmatch(r"[A-Za-z0-9_.-]+", key)
    return f"{path}.{key}" if bare else f'{path}."{key}"'


def _unknown(
    given: Mapping[str, object], known: Mapping[str, FieldInfo]
) -> Iterator[names.Problem]:
    for key in given:
        if key not in known:
            yield "", f"unknown key {key!r}{_mend(key, known)}"


def _mend(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known are {', '.join(known)}"


def _told(hint: object, given: object, text: str) -> str:
    """msgspec's words in those of TOML, with the mend where there is one."""
    if get_origin(hint) is Literal and isinstance(given, str):
        return f"unknown value {given!r}{_mend(given, get_args(hint))}"
    text, _, place = text.partition(" - at `$")
    for theirs, ours in (("object", "table"), (" | null", ""), ("`", "")):
        text = text.replace(theirs, ours)
    element = re.match(r"\[(\d+)\]", place)
    where = f"element {int(element[1]) + 1}: " if element else ""
    got = "" if ", got" in text else f", not {given!r}"
    return f"{where}{text[:1].lower()}{text[1:]}{got}"
