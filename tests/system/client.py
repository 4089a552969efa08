"""A Channel Access client that watches: EPICS base's libca with a synchronous face.

aioca runs on the thread "test-ca"; the tests call from the main thread and block with a
timeout. libca keeps one circuit for each server, which stays open from the first use to
`forget`: this is the client that was connected before the fault. `Daemon.get` and `put`
are the ones that connect anew. PV names are whole ones: `daemon.prefix + "CMD"`.

libca reads its environment once. So every daemon that one test session watches must be
at EPICS_CA_SERVER_PORT, which tests/conftest.py has set: pass `port=ca_port()`.
"""

import asyncio
import concurrent.futures
import contextlib
import os
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

import aioca
import numpy as np

from sswd.testing import Daemon

ECA_PUTFAIL = 160  # caerr.h: DEFMSG(CA_K_WARNING, 20)
INVALID, MAJOR, NO_ALARM = 3, 2, 0  # severities, alarm.h
WRITE, COMM, TIMEOUT = 2, 9, 10  # statuses, alarm.h
WAIT_S = 10.0
UP_S = 0.25
"""Five times the 50 ms in which Channel Access answers when it is up."""
_ENUM, _CHAR = 3, 4  # field types of libca


class NoAnswer(Exception):
    """Channel Access did not answer, or with another failure than ECA_PUTFAIL."""


def ca_port() -> int:
    """The port at which this session's client looks for its daemons."""
    return int(os.environ["EPICS_CA_SERVER_PORT"])


@dataclass(frozen=True)
class Seen:
    """One update that a monitor received."""

    at_s: float
    """When it arrived, on the clock of time.monotonic()."""
    value: Any
    """None: the circuit was lost."""
    status: int = 0
    severity: int = 0
    stamp_s: float = 0.0
    """The server's time stamp, seconds since 1970."""


class Monitor:
    """Records every update of one PV, and the losses of its circuit."""

    def __init__(self, pv: str) -> None:
        self.pv = pv
        self.seen: list[Seen] = []
        self._changed = threading.Condition()

    def take(self, value: Any) -> None:
        """An update came; on the client's thread."""
        at_s = time.monotonic()
        if isinstance(value, aioca.CANothing):
            seen = Seen(at_s, None)
        else:
            stamp_s = float(value.timestamp)
            seen = Seen(at_s, _plain(value), value.status, value.severity, stamp_s)
        with self._changed:
            self.seen.append(seen)
            self._changed.notify_all()

    @property
    def values(self) -> list[Any]:
        """All values so far, in order."""
        return [seen.value for seen in self.seen]

    @property
    def last(self) -> Seen:
        """The newest update."""
        return self.seen[-1]

    @property
    def drops(self) -> int:
        """How often the circuit was lost."""
        return sum(seen.value is None for seen in self.seen)

    def wait_for(
        self,
        wanted: Any,
        *,
        since_s: float = 0.0,
        timeout_s: float = WAIT_S,
    ) -> Seen:
        """The first update since `since_s` that equals `wanted`, or for which
        `wanted(seen)` is true; it may have come already."""
        test: Callable[[Seen], bool] = (
            wanted if callable(wanted) else lambda seen: bool(seen.value == wanted)
        )
        until_s = time.monotonic() + timeout_s
        looked = 0
        with self._changed:
            while True:
                for seen in self.seen[looked:]:
                    if seen.at_s >= since_s and test(seen):
                        return seen
                looked = len(self.seen)
                left_s = until_s - time.monotonic()
                assert left_s > 0, f"{self.pv}: {wanted} not seen in {self.values}"
                self._changed.wait(left_s)


class Client:
    """libca with a synchronous face."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="test-ca", daemon=True)
        self._thread.start()

    def get(self, pv: str, *, timeout_s: float = WAIT_S, **options: Any) -> Any:
        """The value. Enums and char arrays come as str unless `datatype` is given."""
        return _plain(self.read(pv, timeout_s=timeout_s, **options))

    def read(self, pv: str, *, timeout_s: float = WAIT_S, **options: Any) -> Any:
        """The same with `status`, `severity`, `timestamp`."""

        async def get() -> Any:
            given = await _with_type(pv, timeout_s, options)
            return await aioca.caget(
                pv, format=aioca.FORMAT_TIME, timeout=timeout_s, **given
            )

        return self._run(get(), timeout_s)

    def alarm(self, pv: str) -> tuple[int, int]:
        """(status, severity)."""
        value = self.read(pv)
        return value.status, value.severity

    def put(
        self, pv: str, value: Any, *, wait: bool = True, timeout_s: float = WAIT_S
    ) -> bool:
        """Put with callback: True when it succeeded, False for ECA_PUTFAIL.

        Raises NoAnswer for everything else: not connected, circuit lost.
        """
        return self.start_put(pv, value, wait=wait, timeout_s=timeout_s).result(
            timeout_s + 1.0
        )

    def start_put(
        self, pv: str, value: Any, *, wait: bool = True, timeout_s: float = 60.0
    ) -> "concurrent.futures.Future[bool]":
        """Begin a put; `result()` is what `put` returns.

        Puts to a channel that is connected are sent in the order of the calls.
        """
        return self._submit(_put(pv, value, wait, timeout_s))

    def monitor(self, pv: str, **options: Any) -> Monitor:
        """Record a PV from now on; the first value has come when this returns."""
        recorder = Monitor(pv)

        async def subscribe() -> None:
            given = await _with_type(pv, WAIT_S, options)
            aioca.camonitor(
                pv,
                recorder.take,
                format=aioca.FORMAT_TIME,
                all_updates=True,
                notify_disconnect=True,
                **given,
            )

        self._run(subscribe(), WAIT_S)
        recorder.wait_for(lambda seen: seen.value is not None)
        return recorder

    def wait_for(self, pv: str, wanted: Any, *, timeout_s: float = WAIT_S) -> Seen:
        """Wait until the PV equals `wanted`, or `wanted(seen)` is true."""
        return self.monitor(pv).wait_for(wanted, timeout_s=timeout_s)

    @contextlib.contextmanager
    def watching(self, pv: str, period_s: float = 0.02) -> Iterator["Watch"]:
        """Get `pv` every `period_s` while the block runs, and note how long it took."""
        watch = Watch()
        self.get(pv)
        task = self._submit(watch.run(pv, period_s))
        try:
            yield watch
        finally:
            watch.end()
            task.result(WAIT_S)

    def forget(self) -> None:
        """Close all monitors and channels, and with them the circuits."""

        async def purge() -> None:
            aioca.purge_channel_caches()

        self._run(purge(), WAIT_S)

    def close(self) -> None:
        """End the thread."""
        self.forget()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_S)
        self._loop.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _submit(
        self, work: Coroutine[Any, Any, Any]
    ) -> "concurrent.futures.Future[Any]":
        return asyncio.run_coroutine_threadsafe(_truly_raising(work), self._loop)

    def _run(self, work: Coroutine[Any, Any, Any], timeout_s: float) -> Any:
        return self._submit(work).result(timeout_s + 1.0)


class Watch:
    """How long each of many gets took."""

    def __init__(self) -> None:
        self.took_s: list[float] = []
        self._is_over = False

    def assert_up(self) -> None:
        """Nothing held the IOC up. Looser than `ca_is_up`, because it cannot ask
        again whether a busy host was to blame."""
        assert len(self.took_s) > 1
        assert max(self.took_s) < 4 * UP_S, f"a get took {max(self.took_s)} s"

    async def run(self, pv: str, period_s: float) -> None:
        """Get and note until `end`."""
        while not self._is_over:
            begun_s = time.monotonic()
            await aioca.caget(pv, timeout=WAIT_S)
            self.took_s.append(time.monotonic() - begun_s)
            await asyncio.sleep(period_s)

    def end(self) -> None:
        """No more gets."""
        self._is_over = True


@dataclass(frozen=True)
class Latency:
    """How long Channel Access took to answer, in seconds."""

    get_s: float
    put_s: float
    new_get_s: float
    new_put_s: float

    @property
    def worst_s(self) -> float:
        """The longest of the four."""
        return max(self.get_s, self.put_s, self.new_get_s, self.new_put_s)


def ca_is_up(daemon: Daemon, client: Client, system: str = "") -> Latency:
    """Assert that gets and puts answer at once, on an old circuit and on new ones.

    The put is one that no worker is needed for: 0 to START does nothing. A second
    measurement is allowed, for a host that was busy with something else. `system` is
    the prefix of one of several.
    """
    pv = f"{system}WORKER:START"
    client.get(daemon.prefix + pv)  # connected from here on
    first = _measure(daemon, client, pv)
    if first.worst_s < UP_S:
        return first
    second = _measure(daemon, client, pv)
    assert second.worst_s < UP_S, f"CA answers late: {first}, then {second}"
    return second


def _measure(daemon: Daemon, client: Client, pv: str) -> Latency:
    return Latency(
        _timed(lambda: client.get(daemon.prefix + pv)),
        _timed(lambda: client.put(daemon.prefix + pv, 0)),
        _timed(lambda: daemon.get(pv)),
        _timed(lambda: daemon.put(pv, 0)),
    )


def _timed(ask: Callable[[], Any]) -> float:
    begun_s = time.monotonic()
    assert ask() is not False
    return time.monotonic() - begun_s


async def _truly_raising(work: Coroutine[Any, Any, Any]) -> Any:
    """aioca's exception is false, so that a Future would take it for none."""
    try:
        return await work
    except aioca.CANothing as ex:
        raise NoAnswer(str(ex)) from ex


async def _put(pv: str, value: Any, wait: bool, timeout_s: float) -> bool:
    options: dict[str, Any] = {}
    if isinstance(value, str):
        info = await aioca.cainfo(pv, timeout=timeout_s)
        if info.datatype == _CHAR:
            options["datatype"] = aioca.DBR_CHAR_STR
    done = await aioca.caput(
        pv, value, wait=wait, timeout=timeout_s, throw=False, **options
    )
    if done.ok or done.errorcode == ECA_PUTFAIL:
        return bool(done.ok)
    raise done


async def _with_type(
    pv: str, timeout_s: float, options: dict[str, Any]
) -> dict[str, Any]:
    if "datatype" in options:
        return options
    info = await aioca.cainfo(pv, timeout=timeout_s)
    datatype = {_ENUM: aioca.DBR_STRING, _CHAR: aioca.DBR_CHAR_STR}.get(info.datatype)
    return options if datatype is None else {**options, "datatype": datatype}


def _plain(value: Any) -> Any:
    """Without aioca's attributes, so that it compares and prints as itself."""
    if isinstance(value, str):
        return str(value)
    return np.array(value) if isinstance(value, np.ndarray) else +value
