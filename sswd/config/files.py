"""TOML files -> one table: the file, what it includes, what a command line sets."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sswd.config.names import Problem
from sswd.config.tables import Table, filled_in, in_both, merged
from sswd.errors import ConfigError

INCLUDE = "include"
DEPTH = 8
"""Files that include one another."""


def read_table(
    path: Path, above: Mapping[str, Any] | None, environ: Mapping[str, str]
) -> Table:
    """The table of a file and of those that it includes, with `above` over all.

    `include` is a list of files or patterns (`systems/*.toml`), from the folder of the
    file that includes them, with `${NAME}` of `environ`. A file is over what it
    includes; two that are included must not differ in a key. Raises ConfigError, which
    names the file.
    """
    table = _with_included(path, (), environ)
    return merged(table, above or {})


def _with_included(
    path: Path, within: Sequence[Path], environ: Mapping[str, str]
) -> Table:
    here = path.resolve()
    if here in within or len(within) >= DEPTH:
        chain = " includes ".join(str(each) for each in (*within, here))
        raise ConfigError(f"{path}: includes go round, or are too deep: {chain}")
    table = _parsed(path)
    problems: list[Problem] = []
    patterns = filled_in(table.pop(INCLUDE, []), environ, problems, INCLUDE)
    for key, text in problems:
        raise ConfigError(f"{path}: {key}: {text}")
    if not isinstance(patterns, list) or not all(isinstance(p, str) for p in patterns):
        raise ConfigError(f'{path}: include: must be a list of files, ["common.toml"]')
    below: Table = {}
    origin: list[Path] = []
    for each in _files(path, patterns):
        more = _with_included(each, (*within, here), environ)
        both = sorted(in_both(below, more))
        if both:
            others = ", ".join(str(one) for one in origin)
            raise ConfigError(f"{each}: {both[0]}: stands otherwise in {others}")
        below = merged(below, more)
        origin.append(each)
    return merged(below, table)


def _files(path: Path, patterns: Sequence[str]) -> list[Path]:
    """A pattern may match nothing; a plain name is a file that must be there."""
    found: list[Path] = []
    for pattern in patterns:
        if "\0" in pattern:
            raise ConfigError(f"{path}: include: {pattern!r} has a NUL")
        if re.search(r"[*?\[]", pattern):
            base = Path(pattern).anchor
            folder = Path(base) if base else path.parent
            try:
                found += sorted(folder.glob(pattern.removeprefix(base)))
            except (ValueError, NotImplementedError) as error:
                raise ConfigError(f"{path}: include: {pattern!r}: {error}") from None
        else:
            found.append(path.parent / pattern)
    return found


def _parsed(path: Path) -> Table:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        text = f"{path}: byte {error.start} is not UTF-8, as TOML has to be"
        raise ConfigError(text) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}{_place(str(error))}") from None
    except RecursionError:
        raise ConfigError(f"{path}: nested too deeply") from None


def _place(text: str) -> str:
    """TOML's "words (at line 3, column 7)" as ", line 3, column 7: words"."""
    match = re.fullmatch(r"(.*) \(at (line \d+, column \d+|end of document)\)", text)
    return f", {match[2]}: {match[1]}" if match else f": {text}"
