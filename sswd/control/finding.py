"""Finds the daemon that is meant, among those that answer, say no, or are silent.

Blocks; any thread, one at a time.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sswd.control import client
from sswd.control.client import (
    AskError,
    Connection,
    NoDaemonError,
    SilentError,
    hello,
)
from sswd.control.holder import holder
from sswd.control.last_end import last_ends
from sswd.control.mends import mend_of
from sswd.control.places import sockets, user_name
from sswd.control.protocol import Hi, Refused
from sswd.directories import file_stem

_LOOK_S = 0.05
_NO_ROOM = (
    "the daemon{} does not answer: so many wait that no more may; its event loop "
    "hangs, or it is stopped"
)


class _Seen(NamedTuple):
    """One daemon as it was found. It has said who it is, or why it does not."""

    path: Path
    pid: int | None
    connection: Connection | None = None
    who: Hi | None = None
    error: SilentError | AskError | Refused | None = None

    @property
    def is_silent(self) -> bool:
        return isinstance(self.error, SilentError)

    @property
    def words(self) -> str:
        if self.who is not None:
            return f"{', '.join(self.who.prefixes)} {self.who.file}".strip()
        return f"{self.path.name}: {self.error}"

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()


class _Host(NamedTuple):
    """What was found on this host."""

    there: list[_Seen]
    strange: list[str]
    """Words about what is no daemon of ours."""
    closed: list[str]
    """Words about daemons of other users, which may be meant all the same."""


def find(prefix: str | None = None, file: Path | None = None) -> Connection:
    """The daemon of this prefix or configuration; without both: the only one.

    Raises NoDaemonError in words when there is none, or several; SilentError when one
    that may be meant does not answer; AskError, Refused as the one that is meant says.
    """
    meant = _only(prefix, file)
    if meant.error is not None:
        raise meant.error
    assert meant.connection is not None
    return meant.connection


def alive(prefix: str | None = None, file: Path | None = None) -> int | None:
    """The process id of the daemon that `find` would find, if it answers at all.

    That it says no is an answer. Raises NoDaemonError, SilentError.
    """
    meant = _only(prefix, file)
    meant.close()
    if isinstance(meant.error, SilentError):
        raise meant.error
    return meant.pid


def _only(prefix: str | None, file: Path | None) -> _Seen:
    """The one that is meant. All others are closed."""
    host = _look()
    meant = _meant(host.there, prefix, file)
    for each in host.there:
        if meant != [each]:
            each.close()
    if len(meant) == 1:
        return meant[0]
    wanted = _wanted(prefix, file)
    if meant:
        several = "several daemons run: name one by --prefix or by its FILE"
        if prefix is not None or file is not None:
            several = f"{wanted}, or one of these does"
        there = "; ".join(each.words for each in meant)
        words = "; ".join([several, f"there are: {there}", *host.strange])
        if any(each.is_silent for each in meant):
            raise SilentError(words, None)
        raise NoDaemonError(words)
    told = [each.words for each in host.there]
    there = "there are: " + "; ".join(told)
    ends = host.closed or list(_end_words(prefix, file))
    raise NoDaemonError(
        "; ".join([wanted, *([there] if told else []), *host.strange, *ends])
    )


def _meant(there: list[_Seen], prefix: str | None, file: Path | None) -> list[_Seen]:
    """Those that may be meant. One that does not say who it is may be any, unless the
    one that is named is found."""
    if prefix is None and file is None:
        return there
    sure = [each for each in there if _is_named(each, prefix, file)]
    return sure or [each for each in there if each.who is None]


def _is_named(seen: _Seen, prefix: str | None, file: Path | None) -> bool:
    if seen.who is not None:
        return (prefix is None or prefix in seen.who.prefixes) and (
            file is None or str(file.resolve()) == seen.who.file
        )
    if prefix is None:
        return False
    stem = file_stem(prefix)
    if stem == seen.path.stem:
        return True
    # It holds the lock of each of its prefixes, and its socket has the name of one.
    return seen.pid is not None and seen.pid == holder(seen.path, lock=f"{stem}.lock")


def _look() -> _Host:
    host = _Host([], [], [])
    for path in sockets():
        try:
            connection = connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            continue  # left by a daemon that was killed; or it ends just now
        except SilentError as ex:
            host.there.append(_Seen(path, ex.pid, error=ex))
        except PermissionError as ex:
            host.closed.append(_closed_words(path, ex))
        except (OSError, NoDaemonError) as ex:
            host.strange.append(str(ex))
        else:
            _greet(connection, host)
    return host


def connect(path: Path) -> Connection:
    """Raises SilentError where so many wait that no more may, else as Connection."""
    until_s = time.monotonic() + client.HELLO_S
    while True:
        try:
            return Connection(path)
        except BlockingIOError:  # a queue that is full for a moment says nothing yet
            if time.monotonic() > until_s:
                break
        except TimeoutError:
            break
        time.sleep(_LOOK_S)
    pid = holder(path)
    raise SilentError(_NO_ROOM.format("" if pid is None else f" (pid {pid})"), pid)


def _greet(connection: Connection, host: _Host) -> None:
    """Ask it who it is."""
    path, pid = connection.path, connection.pid
    try:
        who = hello(connection)
    except SilentError as ex:
        connection.close()
        host.there.append(_Seen(path, pid, error=ex))
    except AskError as ex:
        connection.close()
        error = AskError(f"the daemon (pid {pid}) says no: {ex}", ex.code)
        host.there.append(_Seen(path, pid, error=error))
    except Refused as ex:
        connection.close()
        host.there.append(_Seen(path, pid, error=ex))
    except NoDaemonError as ex:
        connection.close()
        host.strange.append(f"{path}: {ex}")
    else:
        host.there.append(_Seen(path, pid, connection, who))


def _closed_words(path: Path, error: PermissionError) -> str:
    try:
        uid = path.lstat().st_uid
    except OSError:
        return f"{path}: {error.strerror}"
    if uid == os.geteuid():
        return f"{path}: {error.strerror}"
    name = user_name(uid)
    ask = f"sudo -u {'#' if name == str(uid) else ''}{name} sswd ..."
    return f"{path} belongs to user {name}: `{ask}`"


def _wanted(prefix: str | None, file: Path | None) -> str:
    if prefix is not None:
        return f"no daemon of this user serves prefix {prefix!r} on this host"
    if file is not None:
        return f"no daemon of this user serves {file} on this host"
    return "no daemon of this user runs on this host"


def _end_words(prefix: str | None, file: Path | None) -> Iterator[str]:
    """Why there is none, and what to do."""
    path = None if file is None else str(file.resolve())
    for end in last_ends():
        if (prefix is None or prefix in end.prefixes or not end.prefixes) and (
            path is None or path == end.file
        ):
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(end.at))
            yield f"the last one ended at {when} with exit code {end.code}: {end.words}"
            yield f"do: {mend_of(end.words) or 'correct that'}, and start it again"
            return
    yield (
        "do: start one (`sswd run FILE.toml`, supervisorctl, systemctl); if one ran, "
        "its log says how it ended"
    )
