"""Stacks of the IOC and of its workers, as text.

A worker writes its own when it gets SIGUSR1: at once and from C that of the thread that
holds the GIL, then those of all threads. They come through its standard error into the
log; who asked reads them there.

Threading model: the loop's own.
"""

import asyncio
import time
from collections.abc import Sequence

import msgspec

from sswd.control.protocol import Answer, Stack, Stacks
from sswd.ioc.daemon.control.api import DaemonApi
from sswd.ioc.daemon.control.log_ring import LogRing
from sswd.ioc.daemon.control.operate import ALL, named
from sswd.ioc.process.output_log import beginning
from sswd.stacks import own_stacks

WAIT_S = 2.0
"""How long workers have in all, whatever else is logged meanwhile."""
QUIET_S = 0.3
"""They are done when so long none of their lines has come."""
WORKER = "sswd.worker"


async def tell(api: DaemonApi, request: Stack) -> Sequence[Answer]:
    """The IOC's, and those of the workers that the request names."""
    servers = named(api, request.system or ALL)
    number = api.log_ring.written
    for server in servers:
        server.dump_stacks()
    ioc = Stacks(of="IOC", text=own_stacks().decode(errors="replace"))
    begins = tuple(beginning(server.system_name) for server in servers)
    text = "\n".join(await _lines(api.log_ring, number, begins))
    return [ioc, Stacks(of="workers", text=text or "they write nothing")]


async def _lines(ring: LogRing, number: int, begins: tuple[str, ...]) -> list[str]:
    """What the workers have written to their standard error from this event on."""
    lines: list[str] = []
    end_s = until_s = time.monotonic() + WAIT_S
    while (left_s := until_s - time.monotonic()) > 0:
        try:
            await asyncio.wait_for(ring.wait(number), left_s)
        except TimeoutError:
            break
        number, events, _ = ring.since(number)
        told = [msgspec.json.decode(event, type=_Event) for event in events]
        new = [each.message for each in told if each.is_output(begins)]
        if new:
            lines += new
            until_s = min(end_s, time.monotonic() + QUIET_S)
    return lines


class _Event(msgspec.Struct):
    logger: str = ""
    message: str = ""

    def is_output(self, begins: tuple[str, ...]) -> bool:
        """Whether a worker wrote it itself: what its driver logs begins otherwise."""
        return self.logger == WORKER and self.message.startswith(begins)
