"""Asks a daemon through its control socket. Blocks; any thread, one at a time.

finding.py says which daemon. Nothing of Channel Access is needed: it answers when that
is firewalled.
"""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from sswd.control.places import may_answer, peer_of, short_path
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
    """The daemon does not answer: its loop hangs, or it is stopped.

    `pid` is None where it is not known, or several may be meant.
    """

    def __init__(self, words: str, pid: int | None) -> None:
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
            self.pid, self.uid = peer_of(self._socket)
            if not may_answer(self.uid):
                raise NoDaemonError(f"{path} belongs to user id {self.uid}: not asked")
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
        except ConnectionError:
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
