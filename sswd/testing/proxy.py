"""A TCP line between a driver and its instrument that a test cuts, slows and hangs.

Threading model: the methods may be called from any thread. A thread accepts, and two
carry the bytes of each connection; `close` ends and joins them all.
"""

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Self

_CHUNK = 65536
_JOIN_S = 5.0


class TcpProxy:
    """Listens on 127.0.0.1 at `port` and carries bytes to and from `host`:`target`.

    Give the driver `proxy.port` instead of the instrument's own::

        with TcpProxy("127.0.0.1", instrument.port) as proxy:
            ...  # a driver that is connected to proxy.port
            proxy.cut()  # both sides see the end of the connection
            proxy.hang()  # no byte gets through; nobody is told
            proxy.slow(0.5)  # every piece comes 0.5 s later
            proxy.refuse()  # as cut, and new connections are refused
            proxy.heal()  # from now on all is well; what hung arrives
    """

    def __init__(self, host: str, target: int) -> None:
        self._target = host, target
        self._lock = threading.Lock()
        self._may_pass = threading.Event()
        self._may_pass.set()
        self._is_closing = threading.Event()
        self._delay_s = 0.0
        self._listener: socket.socket | None = None
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.connections = 0
        """How many have been made so far."""
        self.port = 0
        self._listen()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def cut(self) -> None:
        """End every connection, on both sides. New ones are taken."""
        with self._lock:
            for each in self._sockets:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def slow(self, seconds: float) -> None:
        """Let every piece of bytes wait `seconds` s, in both directions."""
        self._delay_s = seconds

    def hang(self) -> None:
        """Let no byte through, in either direction, and end nothing."""
        self._may_pass.clear()

    def refuse(self) -> None:
        """Cut, and refuse new connections, as an instrument that is switched off."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes accept
            listener.close()
        self.cut()

    def heal(self) -> None:
        """Let all through again, at once, and take connections at the same port."""
        self._delay_s = 0.0
        self._may_pass.set()
        if self._listener is None:
            self._listen()

    def close(self) -> None:
        """End all connections and threads."""
        self._is_closing.set()
        self._may_pass.set()
        self.refuse()
        for thread in self._threads:
            thread.join(_JOIN_S)

    def _listen(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = int(self._listener.getsockname()[1])
        self._start(self._accept, self._listener)

    def _start(self, work: Callable[..., None], *args: socket.socket) -> None:
        thread = threading.Thread(target=work, args=args, name="sswd-tcp-proxy")
        thread.daemon = True
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._target, timeout=_JOIN_S)
            except OSError:
                near.close()  # the instrument itself is off
                continue
            far.settimeout(None)
            with self._lock:
                self.connections += 1
                self._sockets |= {near, far}
            for each in (near, far):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._start(self._carry, near, far)

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        """Both directions of a connection, until either side ends it."""
        back = threading.Thread(
            target=self._one_way, args=(far, near), name="sswd-tcp-proxy", daemon=True
        )
        back.start()
        self._one_way(near, far)
        back.join()
        with self._lock:
            self._sockets -= {near, far}
        near.close()
        far.close()

    def _one_way(self, source: socket.socket, drain: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                self._is_closing.wait(self._delay_s)
                self._may_pass.wait()
                drain.sendall(data)
        for each in (source, drain):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
