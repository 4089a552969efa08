"""Systems whose commands are hard to end, each in its own way."""

import ctypes
import hashlib
import signal
import socket
import time
from collections.abc import Callable

from sswd import System


class Stubborn(System):
    """`CMD` says what the command does until somebody ends it; `message` tells it."""

    def setup(self) -> None:
        self.called = 0

    def abort(self) -> None:
        self.called += 1
        self.io_put("values", [float(self.called)])

    def on_CMD(self, text: str) -> None:
        self.io_put("message", f"in {text}")
        method: Callable[[], None] = getattr(self, f"do_{text}")
        method()

    def do_echo(self) -> None:
        """Ends by itself."""

    def do_cooperative(self) -> None:
        while not self.aborted:
            time.sleep(0.01)
        self.io_put("message", "saw the flag")

    def do_our_sleep(self) -> None:
        self.sleep(3600)

    def do_time_sleep(self) -> None:
        time.sleep(3600)

    def do_cleanup(self) -> None:
        """`except Exception` around a device does not swallow the abort."""
        try:
            try:
                time.sleep(3600)
            except Exception:
                self.io_put("message", "swallowed")
        finally:
            self.io_put("message", "cleaned up")

    def do_socket(self) -> None:
        """Reads from a device that never answers."""
        ours, _theirs = socket.socketpair()
        ours.recv(1)

    def do_posting(self) -> None:
        """Spends nearly all its time in our own code, which must not be torn."""
        while True:
            self.io_put("values", [time.monotonic()])

    def do_c_code(self) -> None:
        """C code without the GIL that no Python exception gets into."""
        hashlib.pbkdf2_hmac("sha256", b"x", b"y", 2**31 - 1)

    def do_gil(self) -> None:
        """C code that holds the GIL; EINTR does not end it either."""
        libc = ctypes.PyDLL(None)
        while libc.sleep(3600):
            pass

    def do_ignore(self) -> None:
        """Swallows every exception and SIGTERM too."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            try:
                time.sleep(3600)
            except BaseException:
                self.io_put("message", "swallowed")
