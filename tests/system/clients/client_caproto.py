"""caproto's threading client."""

import queue
from collections.abc import Callable
from typing import Any

from caproto import CaprotoError, ChannelType
from caproto.threading.client import PV, Context
from steps import WAIT_S, main


class Caproto:
    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._context = Context(timeout=WAIT_S)
        self._pvs: dict[str, PV] = {}

    def _pv(self, name: str) -> PV:
        if name not in self._pvs:
            (self._pvs[name],) = self._context.get_pvs(self._prefix + name)
        self._pvs[name].wait_for_connection(timeout=WAIT_S)
        return self._pvs[name]

    def _read(self, name: str, data_type: Any = None) -> Any:
        return self._pv(name).read(data_type=data_type, timeout=WAIT_S).data

    def get(self, name: str) -> Any:
        data = self._read(name)
        kind = self._pv(name).channel.native_data_type
        if kind is ChannelType.CHAR:
            return bytes(data).rstrip(b"\0").decode("latin-1")
        if kind is ChannelType.STRING:
            return data[0].decode()
        values = [float(element) for element in data]
        return values if self._pv(name).channel.native_data_count > 1 else values[0]

    def enum(self, name: str) -> tuple[int, str]:
        text = self._read(name, ChannelType.STRING)[0]
        return int(self._read(name)[0]), text.decode()

    def put(self, name: str, value: Any) -> None:
        self._pv(name).write(value, wait=False)

    def put_wait(self, name: str, value: Any) -> bool:
        pv = self._pv(name)
        kind = pv.channel.native_data_type
        if isinstance(value, str):
            # The client converts nothing: say how the value is to travel.
            kind = ChannelType.CHAR if kind is ChannelType.CHAR else ChannelType.STRING
            value = value.encode() if kind is ChannelType.CHAR else [value.encode()]
        try:
            response = pv.write(value, data_type=kind, wait=True, timeout=WAIT_S)
        except CaprotoError:
            return False
        return bool(response.status.success)

    def failing_put(self, name: str, text: str) -> list[Any]:
        kind = ChannelType.CHAR
        response = self._pv(name).write(text.encode(), data_type=kind, timeout=WAIT_S)
        return [bool(response.status.success), response.status.name]

    def put_string(self, name: str, text: str) -> None:
        self._pv(name).write([text.encode()], data_type=ChannelType.STRING, wait=False)

    def put_chars(self, name: str, text: str) -> None:
        self._pv(name).write(text.encode(), data_type=ChannelType.CHAR, wait=False)

    def monitor(self, name: str, last: Any, during: Callable[[], Any]) -> list[Any]:
        updates: queue.Queue[float] = queue.Queue()
        subscription = self._pv(name).subscribe()

        def keep(_subscription: Any, response: Any) -> None:
            updates.put(float(response.data[0]))

        subscription.add_callback(keep)
        seen = [updates.get(timeout=WAIT_S)]
        during()
        while seen[-1] != last:
            seen.append(updates.get(timeout=WAIT_S))
        subscription.clear()
        return seen


main(Caproto)
