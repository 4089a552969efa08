"""An event loop with a short way to the circuits.

asyncio makes a handle of every readable socket, queues it and runs it in a context. A
circuit needs none of that, and a get would wait for it: the selector calls quick
readers by itself.

A client that asks again as soon as it is answered meets a loop that has just gone to
sleep: on a virtual machine its wake-up costs half of a caget (100 us, 50 without). So
while requests follow each other within HOT_S the loop looks SPIN_S longer before it
sleeps. It does not for what comes at 1 kHz, and never longer than SPIN_S in vain.
"""

import asyncio
import math
import os
import selectors
import time
from collections.abc import Callable
from select import EPOLLIN, EPOLLOUT, epoll

Reader = Callable[[], None]
_Ready = list[tuple[selectors.SelectorKey, int]]

HOT_S = 100e-6
SPIN_S = 50e-6


class QuickSelector(selectors.EpollSelector):
    """Calls quick readers within `select`; the other events are asyncio's.

    What a quick reader hands to the loop by call_soon runs in the same turn still,
    before sockets are looked at again; with asyncio's own callbacks it is the next.
    """

    def __init__(self) -> None:
        super().__init__()
        self.quick: dict[int, Reader] = {}
        self.failed: Callable[[BaseException], None] = _raise
        # The same epoll once more: its base keeps it to itself.
        self._events = epoll.fromfd(os.dup(self.fileno()))
        self._is_hot = False
        self._left_s = 0.0

    def select(self, timeout: float | None = None) -> _Ready:
        """As its base, less what was handled here. `timeout` in s; None: no end."""
        found = self._wait(timeout)
        if not found:
            return []
        quick = self.quick
        others = []
        for item in found:
            fd, event = item
            reader = quick.get(fd)
            if reader is None or event != EPOLLIN:
                others.append(item)
                continue
            try:
                reader()
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:  # noqa: BLE001 (else the loop would end)
                self.failed(error)
        if len(others) < len(found):
            self._left_s = time.perf_counter()
        # Not before: what a reader has closed, and opened anew, is not what was ready.
        return [ready for item in others for ready in self._for_asyncio(*item)]

    def _wait(self, timeout: float | None) -> list[tuple[int, int]]:
        most = len(self.get_map()) or 1
        poll = self._events.poll
        if timeout is not None and timeout <= 0:
            return self._interruptible(0, most)
        if self._is_hot:
            until_s = time.perf_counter() + SPIN_S
            while time.perf_counter() < until_s:
                found = poll(0, most)
                if found:
                    return found
            self._is_hot = False
        # Rounded up: epoll counts in milliseconds and may not wake us too early.
        wait_s = -1 if timeout is None else math.ceil(timeout * 1e3) * 1e-3
        found = self._interruptible(wait_s, most)
        self._is_hot = time.perf_counter() - self._left_s < HOT_S
        return found

    def _interruptible(self, timeout: float, most: int) -> list[tuple[int, int]]:
        try:
            return self._events.poll(timeout, most)
        except InterruptedError:
            return []

    def _for_asyncio(self, fd: int, event: int) -> _Ready:
        key = self.get_map().get(fd)
        if key is None:
            return []
        events = 0
        if event & ~EPOLLIN:
            events |= selectors.EVENT_WRITE
        if event & ~EPOLLOUT:
            events |= selectors.EVENT_READ
        return [(key, events & key.events)]

    def close(self) -> None:
        """As its base."""
        self._events.close()
        super().close()


class QuickLoop(asyncio.SelectorEventLoop):
    """asyncio's loop on a QuickSelector."""

    def __init__(self) -> None:
        self._quick = QuickSelector()
        super().__init__(self._quick)
        self._quick.failed = self._log_failure

    def add_quick_reader(self, fd: int, reader: Reader) -> None:
        """`add_reader`, called from within the selector."""
        self.add_reader(fd, reader)
        self._quick.quick[fd] = reader

    def remove_reader(self, fd: int) -> bool:  # type: ignore[override]
        """As its base."""
        self._quick.quick.pop(fd, None)
        return super().remove_reader(fd)

    def _log_failure(self, error: BaseException) -> None:
        self.call_exception_handler(
            {"message": "Exception in a quick reader", "exception": error}
        )


def _raise(error: BaseException) -> None:
    raise error


def watch(loop: asyncio.AbstractEventLoop, fd: int, reader: Reader) -> None:
    """Call `reader` when `fd` is readable; remove_reader ends it. On every loop."""
    if isinstance(loop, QuickLoop):
        loop.add_quick_reader(fd, reader)
    else:
        loop.add_reader(fd, reader)
