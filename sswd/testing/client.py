"""A Channel Access client for tests: a circuit of its own for each question."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sswd.errors import SswdError
from sswd.sizes import STRING_BYTES

LOOK_S = 0.02


class DaemonError(SswdError):
    """The daemon under test did not do what a test waited for."""


class CaClient:
    """Gets and puts. PV names are given without the prefix.

    It is caproto's client with a new circuit for each question, as a newly connecting
    client has. It sets os.environ while it asks, so use it from one thread at a time.
    """

    def __init__(self, prefix: str, env: Mapping[str, str]) -> None:
        """`prefix` is put before every PV name. `env` are the EPICS variables by which
        the IOC is found, as `loopback_env` gives them."""
        self.prefix = prefix
        self.env = dict(env)

    @property
    def log(self) -> str:
        """What the IOC has logged so far; empty where that is not known."""
        return ""

    @property
    def is_over(self) -> bool:
        """Whether the IOC has ended, so that waiting for it is of no use."""
        return False

    def get(self, pv: str, *, as_string: bool = False, timeout_s: float = 2.0) -> Any:
        """The PV's value: a str of text PVs, a float or int of scalars (the index of an
        enum), or a numpy array of shape (n,) with the PV's dtype.

        `as_string` gives the string of an enum instead. Raises DaemonError when there
        is no answer within `timeout_s`.
        """
        return self.read(pv, as_string=as_string, timeout_s=timeout_s)[0]

    def alarm(self, pv: str) -> tuple[int, int]:
        """(status, severity) of the PV, EPICS's numbers. DaemonError as `get`."""
        metadata = self.read(pv)[1]
        return int(metadata.status), int(metadata.severity)

    def read(
        self, pv: str, *, as_string: bool = False, timeout_s: float = 2.0
    ) -> tuple[Any, Any]:
        """(value, metadata): the value as `get` gives it, and caproto's metadata with
        `status`, `severity` and `timestamp`. Raises DaemonError as `get`."""
        from caproto import ChannelType

        reply = self._ask(pv, "time", timeout_s)
        if as_string and reply.data_type == ChannelType.TIME_ENUM:
            reply = self._ask(pv, ChannelType.TIME_STRING, timeout_s)
        return _value(reply), reply.metadata

    def _ask(self, pv: str, data_type: Any, timeout_s: float) -> Any:
        import caproto
        from caproto.sync import client

        name = self.prefix + pv
        with self._addressed():
            try:
                return client.read(
                    name, data_type=data_type, timeout=timeout_s, repeater=False
                )
            except (TimeoutError, caproto.CaprotoError) as ex:
                raise DaemonError(f"no answer from {name}: {ex}") from ex

    def put(
        self, pv: str, value: Any, *, wait: bool = True, timeout_s: float = 10.0
    ) -> bool:
        """Put a value: a number, a str (long texts as CHAR), bytes, a list or an array.

        With `wait` it is a put with callback, which returns when the command has ended:
        True if it succeeded. Without, it returns True at once. Raises TimeoutError or
        CaprotoError, both of caproto, when there is no answer within `timeout_s`.
        """
        from caproto.sync import client

        data = (
            value.encode()
            if isinstance(value, str) and len(value) > STRING_BYTES
            else value
        )
        with self._addressed():
            reply = client.write(
                self.prefix + pv,
                data,
                notify=wait,
                timeout=timeout_s,
                repeater=False,
            )
        return not wait or bool(reply.status.success)

    def wait_for(
        self, pv: str, wanted: Any, *, timeout_s: float = 10.0, as_string: bool = True
    ) -> Any:
        """Poll until the PV equals `wanted`, or `wanted(value)` is true; the value.

        `as_string` compares the string of an enum. No answer counts as not yet. Raises
        DaemonError, with the end of the log, after `timeout_s`, or when the IOC has
        ended.
        """
        test: Callable[[Any], bool] = (
            wanted if callable(wanted) else lambda value: bool(value == wanted)
        )
        until_s = time.monotonic() + timeout_s
        value: Any = None
        while time.monotonic() < until_s and not self.is_over:
            with contextlib.suppress(DaemonError):
                value = self.get(pv, as_string=as_string)
                if test(value):
                    return value
            time.sleep(LOOK_S)
        when = "when the IOC ended" if self.is_over else f"after {timeout_s:g} s"
        raise DaemonError(
            f"{self.prefix}{pv} is {value!r} {when}; the log ends:\n{self.log[-3000:]}"
        )

    @contextlib.contextmanager
    def _addressed(self) -> Iterator[None]:
        """caproto's client finds servers by the environment of this process."""
        before = {key: os.environ.get(key) for key in self.env}
        os.environ.update(self.env)
        try:
            yield
        finally:
            for key, value in before.items():
                if value is None:
                    del os.environ[key]
                else:
                    os.environ[key] = value


def _value(reply: Any) -> Any:
    from caproto import ChannelType, native_type

    data = reply.data
    native = native_type(reply.data_type)
    if native == ChannelType.CHAR:
        return bytes(data).decode("utf-8", "surrogateescape").rstrip("\0")
    if len(data) != 1:
        return data
    first = data[0]
    if native == ChannelType.STRING:
        return bytes(first).decode("utf-8", "surrogateescape")
    return first.item()
