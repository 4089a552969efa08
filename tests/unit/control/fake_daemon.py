"""Something at a control socket that answers as a test wants it."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    fd = os.open(folder, os.O_RDONLY)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def fake_daemon(path: Path, answer: Callable[[bytes], bytes]) -> Iterator[None]:
    """`answer` gives the lines that answer what one client at a time says."""
    with socket.socket(socket.AF_UNIX) as listening, opened(path.parent) as folder:
        listening.bind(f"/proc/self/fd/{folder}/{path.name}")
        listening.listen()

        def serve() -> None:
            while True:
                try:
                    asked, _ = listening.accept()
                except OSError:
                    return
                with asked, suppress(OSError):
                    while said := asked.recv(1000):
                        asked.sendall(answer(said))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(5)
