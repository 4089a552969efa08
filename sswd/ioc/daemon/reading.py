"""Reads files beside the loop, with a deadline: a disk or a FIFO may not answer, and
what is asked later has to be served all the same.

Threading model: the loop's own. A thread "sswd-reload" a reading is a daemon: one that
hangs must not keep the process, as asyncio's own threads would. One that is late is
left alone, and MAX_HUNG of them are the most.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from sswd.errors import ConfigError

_Read = TypeVar("_Read")

READ_S = 30.0
MAX_HUNG = 5


class Readings:
    """One at a time, but for those that hang."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []

    async def result(self, read: Callable[[], _Read]) -> _Read:
        """What `read` returns or raises. ConfigError: not within READ_S."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        if len(self._threads) >= MAX_HUNG:
            words = f"{MAX_HUNG} readings of the configuration hang: a disk or a "
            raise ConfigError(f"{words}FIFO does not answer")
        try:
            return await asyncio.wait_for(self._in_thread(read), READ_S)
        except TimeoutError:
            words = f"the configuration is not read after {READ_S:g} s: a disk or a "
            raise ConfigError(f"{words}FIFO does not answer") from None

    def _in_thread(self, read: Callable[[], _Read]) -> "asyncio.Future[_Read]":
        loop = asyncio.get_running_loop()
        result: asyncio.Future[_Read] = loop.create_future()

        def settle(found: _Read | None, error: Exception | None) -> None:
            if result.done():  # who waited has given up
                return
            if found is not None:
                result.set_result(found)
            elif error is not None:
                result.set_exception(error)

        def run() -> None:
            found, error = None, None
            try:
                found = read()
            except Exception as ex:  # noqa: BLE001 (handed on to who waits)
                error = ex
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, found, error)

        thread = threading.Thread(target=run, name="sswd-reload", daemon=True)
        self._threads.append(thread)
        thread.start()
        return result
