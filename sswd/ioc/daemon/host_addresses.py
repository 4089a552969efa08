"""Asks DNS for the addresses of hosts: several at a time, and off the loop.

While it is down each name takes 10 s and more, and may hang for ever.

Threading model: any thread may call. MAX_THREADS threads "sswd-host" ask, and end when
nobody is to be asked for; they are daemons: one that hangs keeps no process.
"""

import socket
import threading
from collections import deque
from collections.abc import Sequence

MAX_THREADS = 32
NOT_YET = "DNS has not answered yet"
_DNS_IS_DOWN = (socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_SYSTEM)

Answer = frozenset[str] | str
"""The IPv4 addresses of a host; or why there is none, in words."""


class HostAddresses:
    """What is known of hosts that were asked for."""

    def __init__(self) -> None:
        self._told = threading.Condition()
        self._waiting: deque[str] = deque()
        self._open: set[str] = set()
        """Hosts that wait, or are being asked for: none is asked for twice at a time.
        """
        self._threads = 0
        self._answers: dict[str, Answer] = {}
        self._last: dict[str, Answer] = {}
        """The addresses that hosts had; they count while DNS cannot be asked."""

    def ask(self, hosts: Sequence[str]) -> None:
        """Begin to ask for hosts."""
        with self._told:
            for host in hosts:
                if host not in self._open:
                    self._open.add(host)
                    self._waiting.append(host)
                    self._answers.pop(host, None)
            for _ in range(min(len(self._waiting), MAX_THREADS - self._threads)):
                thread = threading.Thread(
                    target=self._run, name="sswd-host", daemon=True
                )
                try:
                    thread.start()
                except RuntimeError:  # TasksMax; whoever asks next may have one
                    return
                self._threads += 1

    def answers(self, hosts: Sequence[str], within_s: float = 0.0) -> dict[str, Answer]:
        """What is known of hosts; blocks until it is of all, at most so long."""
        with self._told:
            self._told.wait_for(lambda: self._open.isdisjoint(hosts), within_s)
            answers = {**dict.fromkeys(hosts, NOT_YET), **self._last, **self._answers}
            return {host: answers[host] for host in hosts}

    def _run(self) -> None:
        while (host := self._next()) is not None:
            answer, is_final = _asked(host)
            with self._told:
                if is_final:
                    self._last.pop(host, None)
                if not isinstance(answer, str):
                    self._last[host] = answer
                self._answers[host] = self._last.get(host, answer)
                self._open.discard(host)
                self._told.notify_all()

    def _next(self) -> str | None:
        with self._told:
            if self._waiting:
                return self._waiting.popleft()
            self._threads -= 1
            return None


def _asked(host: str) -> tuple[Answer, bool]:
    """The answer, and whether DNS gave it; else DNS cannot be asked now."""
    try:
        known = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as ex:
        return str(ex), getattr(ex, "errno", None) not in _DNS_IS_DOWN
    return frozenset(str(address[4][0]) for address in known), True
