"""Asks a daemon through its control socket. Blocks; any thread, one at a time.

Nothing of Channel Access is needed: it answers when that is firewalled.
"""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from sswd.control.last_end import last_ends
from sswd.control.mends import mend_of
from sswd.control.places import may_answer, peer_of, short_path, sockets
from sswd.control.protocol import (
    MAX_ANSWER,
    AnyAnswer,
    End,
    Error,
    Hello,
    Hi,
    Refused,
    Request,
    answer_of,
    line_of,
)
from sswd.errors import SswdError

ANSWER_S = 5.0
"""How long a daemon may take for its first line."""
HELLO_S = 2.0


class NoDaemonError(SswdError):
    """There is no daemon, or none that is meant, or several that may be."""


class SilentError(SswdError):
    """The daemon does not answer: its loop hangs, or it is stopped."""

    def __init__(self, words: str, pid: int) -> None:
        super().__init__(words)
        self.pid = pid


class AskError(SswdError):
    """The daemon says no; `code` as in Error."""

    def __init__(self, words: str, code: str) -> None:
        super().__init__(words)
        self.code = code


class Connection:
    """One connection to one daemon; a context manager."""

    def __init__(self, path: Path) -> None:
        """Raises OSError when nobody listens there, NoDaemonError for a stranger."""
        self.path = path
        self._rest = b""
        with ExitStack() as stack:
            self._socket = stack.enter_context(
                socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            )
            self._socket.settimeout(ANSWER_S)
            with short_path(path) as address:
                self._socket.connect(address)
            self.pid, uid = peer_of(self._socket)
            if not may_answer(uid):
                raise NoDaemonError(f"{path} belongs to user id {uid}: not asked")
            stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def ask(
        self, request: Request, timeout_s: float | None = ANSWER_S
    ) -> Iterator[AnyAnswer]:
        """Send a request and give the lines of its answer as they come, with `End`.

        `timeout_s` is for each line; None: no end. Raises AskError when the daemon says
        no, SilentError when it says nothing, NoDaemonError when it hangs up.
        """
        self._send(line_of(request))
        while True:
            answer = self._answer(timeout_s)
            if isinstance(answer, Error):
                raise AskError(answer.words, answer.code)
            yield answer
            if isinstance(answer, End):
                return

    def _send(self, line: bytes) -> None:
        self._socket.settimeout(ANSWER_S)
        try:
            self._socket.sendall(line)
        except TimeoutError:
            raise self._silent(ANSWER_S) from None
        except BrokenPipeError:
            pass  # it has refused us: its words are still to be read

    def _answer(self, timeout_s: float | None) -> AnyAnswer:
        try:
            return answer_of(self._line(timeout_s))
        except TimeoutError:
            raise self._silent(timeout_s or 0.0) from None
        except ConnectionError as ex:
            raise NoDaemonError(f"the daemon hung up: {ex}") from ex

    def _line(self, timeout_s: float | None) -> bytes:
        until_s = None if timeout_s is None else time.monotonic() + timeout_s
        while b"\n" not in self._rest:
            if len(self._rest) > MAX_ANSWER:
                raise Refused(f"the daemon's answer is longer than {MAX_ANSWER} bytes")
            left_s = None if until_s is None else until_s - time.monotonic()
            if left_s is not None and left_s <= 0:
                raise TimeoutError
            self._socket.settimeout(left_s)
            more = self._socket.recv(1 << 16)
            if not more:
                raise ConnectionError("it has ended, or was told to")
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _silent(self, waited_s: float) -> SilentError:
        return SilentError(
            f"the daemon (pid {self.pid}) does not answer for {waited_s:g} s: its "
            "event loop hangs, or it is stopped",
            self.pid,
        )


def hello(connection: Connection) -> Hi:
    """Who it is. Raises as `ask`."""
    for answer in list(connection.ask(Hello(), HELLO_S)):
        if isinstance(answer, Hi):
            return answer
    raise Refused("the daemon does not say who it is")


def find(prefix: str | None = None, file: Path | None = None) -> Connection:
    """The daemon of this prefix or configuration; without both: the only one.

    Raises NoDaemonError in words when there is none, or several; SilentError when the
    only one that may be meant does not answer.
    """
    found: list[tuple[Connection, Hi]] = []
    silent: list[SilentError] = []
    strange: list[str] = []
    for path in sockets():
        try:
            connection = Connection(path)
        except OSError:
            continue  # left by a daemon that was killed; or it ends just now
        except NoDaemonError as ex:
            strange.append(str(ex))
            continue
        try:
            found.append((connection, hello(connection)))
        except SilentError as ex:
            connection.close()
            silent.append(ex)
        except (AskError, NoDaemonError, Refused) as ex:
            connection.close()
            strange.append(f"{path}: {ex}")
    meant = [pair for pair in found if _is_meant(pair[1], prefix, file)]
    for connection, _ in found:
        if len(meant) != 1 or connection is not meant[0][0]:
            connection.close()
    if len(meant) == 1:
        return meant[0][0]
    if not meant and len(silent) == 1:
        raise silent[0]
    raise NoDaemonError(
        "; ".join(
            [
                _words([who for _, who in found], strange, prefix, file),
                *_end_words(bool(found), prefix, file),
            ]
        )
    )


def _is_meant(who: Hi, prefix: str | None, file: Path | None) -> bool:
    return (prefix is None or prefix in who.prefixes) and (
        file is None or str(file.resolve()) == who.file
    )


def _end_words(
    are_others: bool, prefix: str | None, file: Path | None
) -> Iterator[str]:
    """Why there is none, and what to do; nothing where others run and none is named."""
    if are_others and prefix is None and file is None:
        return
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


def _words(
    daemons: list[Hi], strange: list[str], prefix: str | None, file: Path | None
) -> str:
    if prefix is not None:
        wanted = f"no daemon of this user serves prefix {prefix!r} on this host"
    elif file is not None:
        wanted = f"no daemon of this user serves {file} on this host"
    elif daemons:
        wanted = "several daemons run: name one by --prefix or by its FILE"
    else:
        wanted = "no daemon of this user runs on this host"
    told = [f"{', '.join(who.prefixes)} {who.file}".strip() for who in daemons]
    there = ["there are: " + "; ".join(told)] if told else []
    return "; ".join([wanted, *there, *strange])
