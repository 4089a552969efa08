"""An IOC in a thread of the test, for tests of PVGroups with a FakeWorker."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from sswd.testing.client import CaClient, DaemonError
from sswd.testing.fake import FakeWorker
from sswd.testing.loopback import loopback_env

START_S = 10.0
STOP_S = 15.0


class _Ioc:
    """Serves until `stop`. The thread "sswd-test-ioc" owns the loop."""

    def __init__(self, pvdb: dict[str, Any]) -> None:
        self._pvdb = pvdb
        self._is_up = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="sswd-test-ioc")

    def start(self) -> None:
        """Return once Channel Access answers. Raises DaemonError."""
        self._thread.start()
        if not self._is_up.wait(START_S) or self._error is not None:
            raise DaemonError(f"the IOC did not start: {self._error}")

    def stop(self) -> None:
        """Stop the workers, then Channel Access."""
        if self._loop is not None and self._task is not None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(STOP_S)
        if self._thread.is_alive():
            raise DaemonError(f"the IOC did not stop within {STOP_S:g} s")

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as ex:  # noqa: BLE001 - told by start()
            self._error = ex
        self._is_up.set()

    async def _serve(self) -> None:
        from sswd.ioc.ca import Context

        async def up(_async_library: object) -> None:
            self._is_up.set()

        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        await Context(self._pvdb).run(startup_hook=up)


def _servers(group: Any) -> Iterator[Any]:
    """The sswd.ioc.Servers of a PVGroup, itself included."""
    from sswd.ioc import Server

    if isinstance(group, Server):
        yield group
    for subgroup in group.groups.values():
        yield from _servers(subgroup)


@contextlib.contextmanager
def running_ioc(group: Any, env: Mapping[str, str] | None = None) -> Iterator[CaClient]:
    """Serve a caproto PVGroup, on loopback, until the block ends; gives a client.

    The client's PV names are without the prefix of the group. `env` are the EPICS
    variables, else a fresh loopback_env; they are in os.environ during the block. Its
    workers are real processes unless a FakeWorker is around it. Main thread only.
    """
    ca = dict(loopback_env() if env is None else env)
    before = {name: os.environ.get(name) for name in ca}
    os.environ.update(ca)
    fake = FakeWorker.innermost()
    if fake is not None:
        for server in _servers(group):
            server.configure(launch=fake.launch)
    ioc = _Ioc(group.pvdb)
    try:
        ioc.start()
        yield CaClient(group.prefix, ca)
    finally:
        ioc.stop()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
