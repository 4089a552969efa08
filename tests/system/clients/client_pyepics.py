"""pyepics: PV objects on EPICS base's libca."""

from collections.abc import Callable
from typing import Any

import epics
import numpy as np
from steps import WAIT_S, main, wait_until


class Pyepics:
    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._pvs: dict[str, epics.PV] = {}

    def _pv(self, name: str) -> epics.PV:
        if name not in self._pvs:
            self._pvs[name] = epics.PV(self._prefix + name)
        pv = self._pvs[name]
        if not pv.wait_for_connection(timeout=WAIT_S):
            raise TimeoutError(f"{name} does not connect")
        return pv

    def get(self, name: str) -> Any:
        pv = self._pv(name)
        if pv.type.endswith("char"):
            return pv.get(as_string=True, use_monitor=False, timeout=WAIT_S)
        value = pv.get(use_monitor=False, timeout=WAIT_S)
        return value.tolist() if isinstance(value, np.ndarray) else value

    def enum(self, name: str) -> tuple[int, str]:
        pv = self._pv(name)
        index = pv.get(use_monitor=False, timeout=WAIT_S)
        return index, pv.get(as_string=True, use_monitor=False, timeout=WAIT_S)

    def put(self, name: str, value: Any) -> None:
        self._pv(name).put(value)

    def put_wait(self, name: str, value: Any) -> bool:
        return self._pv(name).put(value, wait=True, timeout=WAIT_S) == 1

    def failing_put(self, name: str, text: str) -> Any:
        return self._pv(name).put(text, wait=True, timeout=WAIT_S)

    def put_string(self, name: str, text: str) -> None:
        # What caput without -S does; PV.put turns text for a CHAR PV into chars.
        chid = self._pv(name).chid
        buffer = (epics.dbr.string_t * 1)()
        buffer[0].value = text.encode()
        status = epics.ca.libca.ca_array_put(epics.dbr.STRING, 1, chid, buffer)
        epics.ca.PySEVCHK("put", status)
        epics.ca.flush_io()

    def put_chars(self, name: str, text: str) -> None:
        self._pv(name).put(text)

    def monitor(self, name: str, last: Any, during: Callable[[], Any]) -> list[Any]:
        seen: list[float] = []
        pv = epics.PV(
            self._prefix + name,
            auto_monitor=True,
            callback=lambda value, **_: seen.append(value),
        )
        wait_until(lambda: bool(seen))
        during()
        wait_until(lambda: seen[-1] == last)
        pv.disconnect()
        return seen


main(Pyepics)
