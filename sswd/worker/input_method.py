"""Calls an `on_input_<name>` method: what it raises is told, and is never fatal.

Threading model: main thread, between commands.
"""

from collections.abc import Callable
from typing import Any

from sswd.worker.log import log
from sswd.worker.watch import call_user


class InputMethod:
    """One method, and whether it failed the last time."""

    def __init__(self, name: str, method: Callable[[], Any]) -> None:
        self._name = name
        self._method = method
        self._is_failing = False

    def call(self) -> None:
        """Call it once. A failure is logged when it begins and when it ends."""
        try:
            call_user(self._method)
        except SystemExit:
            raise
        except BaseException as ex:  # noqa: BLE001 (firewall around user code)
            if not self._is_failing:
                self._is_failing = True
                log.error(
                    "%s failed; not logged again until it works",
                    self._name,
                    exc_info=ex,
                )
        else:
            if self._is_failing:
                self._is_failing = False
                log.info("%s works again", self._name)
