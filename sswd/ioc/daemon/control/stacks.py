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
from sswd.ioc.daemon.control.operate import ALL, named
from sswd.stacks import own_stacks

WAIT_S = 2.0
"""How long workers have for their first line."""
QUIET_S = 0.3
"""They are done when so long nothing has come."""
WORKER = "sswd.worker"


async def tell(api: DaemonApi, request: Stack) -> Sequence[Answer]:
    """The IOC's, and those of the workers that the request names."""
    servers = named(api, request.system or ALL)
    ring = api.log_ring
    begin = ring.written
    for server in servers:
        server.dump_stacks()
    ioc = Stacks(of="IOC", text=own_stacks().decode(errors="replace"))
    last, until_s = begin, time.monotonic() + WAIT_S
    while time.monotonic() < until_s:
        try:
            await asyncio.wait_for(ring.wait(last), until_s - time.monotonic())
        except TimeoutError:
            break
        last, until_s = ring.written, time.monotonic() + QUIET_S
    _, events, _ = ring.since(begin)
    lines = [msgspec.json.decode(event, type=_Event) for event in events]
    text = "\n".join(line.message for line in lines if line.logger == WORKER)
    return [ioc, Stacks(of="workers", text=text or "they write nothing")]


class _Event(msgspec.Struct):
    logger: str = ""
    message: str = ""
