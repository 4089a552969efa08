"""A real instrument on TCP that a test cuts, hangs, slows, garbles and heals.

Its language: "READ?" answers the temperature, "LEVEL?" the level, "SET x" sets and
answers "OK". One line each.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from enum import Enum


class Fault(Enum):
    """What is wrong with it."""

    NONE = "none"
    HANG = "takes every line and answers none"
    HALF = "sends half an answer"
    GARBAGE = "answers what is no number"
    SLOW = "answers after a while"


SLOW_S = 0.3


class TcpInstrument:
    """Each session has a thread of its own; all end with `close`."""

    def __init__(self) -> None:
        self.fault = Fault.NONE
        self.setpoint = 300.0
        self.applied: list[float] = []
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._sessions: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.port = 0
        self.power_on()

    def power_on(self) -> None:
        """Listen at the port of before."""
        self.setpoint = 300.0  # as instruments do
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._start(self._accept, listener)

    def power_off(self) -> None:
        """Close everything: connections are refused from now on."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(5.0)
        self._threads.clear()

    def cut(self) -> None:
        """Close all sessions; new ones are taken."""
        with self._lock:
            for session in self._sessions:
                with contextlib.suppress(OSError):
                    session.shutdown(socket.SHUT_RDWR)

    def _start(self, work: "object", *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                session, _ = listener.accept()
            except OSError:
                return
            session.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._sessions.add(session)
            self._start(self._serve, session)

    def _serve(self, session: socket.socket) -> None:
        with session, contextlib.suppress(OSError), session.makefile("rb") as lines:
            for line in lines:
                self._answer(session, line.decode().strip())
        with self._lock:
            self._sessions.discard(session)

    def _answer(self, session: socket.socket, line: str) -> None:
        fault = self.fault
        if fault is Fault.HANG:
            return
        answer = self._execute(line)
        if fault is Fault.SLOW:
            time.sleep(SLOW_S)
        if fault is Fault.GARBAGE:
            answer = "##\x01?"
        text = answer[: len(answer) // 2] if fault is Fault.HALF else answer + "\n"
        session.sendall(text.encode())

    def _execute(self, line: str) -> str:
        word, _, value = line.partition(" ")
        if word == "SET":
            self.setpoint = float(value)
            self.applied.append(self.setpoint)
            return "OK"
        return f"{self.setpoint:.3f}" if word == "READ?" else "75.5"


@contextlib.contextmanager
def instrument() -> Iterator[TcpInstrument]:
    """One that is switched off at the end."""
    one = TcpInstrument()
    try:
        yield one
    finally:
        one.power_off()
