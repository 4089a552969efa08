"""The thread that writes state files, so that a slow disk never stops the loop.

Threading model: `write` from one thread, the loop. The thread "sswd-state" is there
while something is to be written. Only the newest values wait for it; older ones that
it has not begun with are dropped. It is a daemon: a disk that hangs does not keep the
process, and what it had saved before stays.
"""

import threading
from collections.abc import Callable, Mapping

from sswd.errors import NotOursError
from sswd.ioc.state.format import Saved
from sswd.ioc.state.generations import Generations


class StateWriter:
    """Writes the state of one system."""

    def __init__(
        self, generations: Generations, on_written: Callable[[str], None]
    ) -> None:
        """`on_written` is called in the thread after each write, with the words for
        what failed, "" when nothing did; by `write` where no thread can be had."""
        self._generations = generations
        self._on_written = on_written
        self._lock = threading.Lock()
        self._waiting: Mapping[str, Saved] | None = None
        self._thread: threading.Thread | None = None

    def write(self, values: Mapping[str, Saved]) -> None:
        """Have these values written; nobody may change them afterwards."""
        with self._lock:
            self._waiting = values
            if self._thread is not None:
                return
            thread = threading.Thread(target=self._run, name="sswd-state", daemon=True)
            try:
                thread.start()
            except RuntimeError as ex:  # TasksMax
                self._waiting, words = None, str(ex)
            else:
                self._thread = thread
                return
        self._on_written(f"{self._generations.folder}: {words}")

    def _run(self) -> None:
        while True:
            with self._lock:
                values, self._waiting = self._waiting, None
                if values is None:
                    self._thread = None
                    return
            self._on_written(self._attempt(values))

    def _attempt(self, values: Mapping[str, Saved]) -> str:
        try:
            self._generations.write(values)
        except OSError as ex:
            return f"{self._generations.folder}: {ex.strerror or ex}"
        except (NotOursError, TypeError, ValueError) as ex:
            return f"{self._generations.folder}: {ex}"
        return ""
