"""ophyd: EpicsSignals with put_complete, as bluesky plans use them, on pyepics."""

from collections.abc import Callable
from typing import Any

import numpy as np
from ophyd import EpicsSignal, EpicsSignalRO
from steps import WAIT_S, main, wait_until

TEXT = {"CMD", "CMD_ERROR", "message", "ACK", "LABEL"}


class Ophyd:
    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._signals: dict[tuple[str, bool], EpicsSignal] = {}

    def _signal(self, name: str, *, string: bool) -> EpicsSignal:
        if (name, string) not in self._signals:
            self._signals[name, string] = EpicsSignal(
                self._prefix + name, name=name, string=string, put_complete=True
            )
        signal = self._signals[name, string]
        signal.wait_for_connection(timeout=WAIT_S)
        return signal

    def get(self, name: str) -> Any:
        signal = self._signal(name, string=name in TEXT)
        value = signal.get(use_monitor=False, timeout=WAIT_S)
        return value.tolist() if isinstance(value, np.ndarray) else value

    def enum(self, name: str) -> tuple[int, str]:
        index = self._signal(name, string=False).get(use_monitor=False)
        return index, self._signal(name, string=True).get(use_monitor=False)

    def put(self, name: str, value: Any) -> None:
        self._signal(name, string=name in TEXT).put(value, wait=False)

    def put_wait(self, name: str, value: Any) -> bool:
        status = self._signal(name, string=name in TEXT).set(value)
        status.wait(WAIT_S)
        return bool(status.success)

    def failing_put(self, name: str, text: str) -> list[Any]:
        status = self._signal(name, string=True).set(text)
        status.wait(WAIT_S)
        return [status.success, status.exception()]

    def put_string(self, name: str, text: str) -> None:
        self._signal(name, string=True).put(text, wait=False)

    put_chars = put_string

    def monitor(self, name: str, last: Any, during: Callable[[], Any]) -> list[Any]:
        seen: list[float] = []
        signal = EpicsSignalRO(self._prefix + name, name="monitored", auto_monitor=True)
        signal.wait_for_connection(timeout=WAIT_S)
        signal.subscribe(lambda value, **_: seen.append(value), run=True)
        wait_until(lambda: bool(seen))
        during()
        wait_until(lambda: seen[-1] == last)
        signal.destroy()
        return seen


main(Ophyd)
