"""What is answered to which request.

Threading model: the loop's own.
"""

import os
from collections.abc import AsyncGenerator, Sequence

from sswd.access import READ, WRITE
from sswd.control import protocol
from sswd.control.protocol import Answer, AnyRequest
from sswd.directories import state_directory
from sswd.ioc.daemon.access import CONTROL
from sswd.ioc.daemon.control import (
    clients,
    ledgers,
    levels,
    log_lines,
    operate,
    pv_values,
    stacks,
)
from sswd.ioc.daemon.control.api import DaemonApi
from sswd.ioc.daemon.control.disk import Disks
from sswd.ioc.daemon.control.status import Collector

_LOOKS = (
    protocol.Hello,
    protocol.GetStatus,
    protocol.Get,
    protocol.Watch,
    protocol.Clients,
    protocol.Commands,
    protocol.Logs,
    protocol.Stack,
)
"""Requests that change nothing."""


class Answers:
    """Answers all clients of one daemon."""

    def __init__(self, api: DaemonApi) -> None:
        self._api = api
        self._status = Collector(api, Disks(state_directory(), api.folders))

    async def to(self, request: AnyRequest, who: str) -> AsyncGenerator[Answer, None]:
        """The lines that answer a request of `who`. Raises Refused in words."""
        self._check_right(request, who)
        match request:
            case protocol.Watch():
                async for value in pv_values.watch(self._api, request):
                    yield value
            case protocol.Logs():
                async for line in log_lines.tell(self._api.log_ring, request):
                    yield line
            case _:
                for answer in await self._whole(request, who):
                    yield answer

    def _check_right(self, request: AnyRequest, who: str) -> None:
        """Raises Refused where the ASG of the control socket does not give it."""
        asks = isinstance(request, protocol.SetLevel) and request.level is None
        wanted = READ if asks or isinstance(request, _LOOKS) else WRITE
        user = who.partition("@")[0]
        if self._api.access.control(user).rights & wanted:
            return
        if wanted == WRITE:
            operate.tell_denied(self._api, request, who)
        what = "look" if wanted == READ else "order anything"
        raise protocol.Refused(f"ASG({CONTROL}) gives {user} no right to {what}")

    async def _whole(self, request: AnyRequest, who: str) -> Sequence[Answer]:
        """An answer that is there as a whole."""
        match request:
            case protocol.GetStatus():
                return [protocol.Told(status=await self._status.collect())]
            case protocol.Call():
                return await pv_values.call(self._api, request, who)
            case protocol.Reload():
                self._status.forget()
                return await operate.reload(self._api, who)
            case protocol.Stack():
                return await stacks.tell(self._api, request)
            case _:
                return self._at_once(request, who)

    def _at_once(self, request: AnyRequest, who: str) -> Sequence[Answer]:
        """An answer that waits for nothing."""
        match request:
            case protocol.Hello():
                return [self._hi()]
            case protocol.Get():
                return pv_values.get(self._api, request)
            case protocol.Clients():
                return clients.tell(self._api)
            case protocol.Close():
                return clients.close(self._api, request, who)
            case protocol.Commands():
                return ledgers.tell(self._api, request)
            case protocol.SetLevel():
                return levels.tell(self._api, request, who)
            case protocol.OnSystem():
                self._status.forget()
                return operate.perform(self._api, request, who)
            case _:
                raise protocol.Refused(f"{type(request).__name__} has no answer")

    def _hi(self) -> protocol.Hi:
        api = self._api
        return protocol.Hi(
            pid=os.getpid(),
            sswd=api.version,
            prefixes=list(api.prefixes),
            file="" if api.file is None else str(api.file),
        )
