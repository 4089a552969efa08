"""Stacks of the IOC and of its workers, as text.

A worker writes its own when it gets SIGUSR1: at once and from C that of the thread that
holds the GIL, then those of all threads. They come through its standard error, with
whatever else it prints meanwhile, and are heard before the log's levels and limits.

Threading model: the loop's own.
"""

import asyncio
import time
from collections.abc import Sequence

from sswd.control.protocol import Answer, Stack, Stacks
from sswd.ioc.daemon.control.api import DaemonApi
from sswd.ioc.daemon.control.operate import ALL, named
from sswd.ioc.process.output_log import Heard
from sswd.ioc.template import Server
from sswd.stacks import own_stacks

WAIT_S = 2.0
"""How long workers have in all, whatever else they print meanwhile."""
QUIET_S = 0.3
"""One is done when so long none of its lines has come."""
LOOK_S = 0.05
MAX_BYTES = 512 << 10
"""Of all workers; an answer takes 4 MiB, and JSON makes six bytes of one."""


async def tell(api: DaemonApi, request: Stack) -> Sequence[Answer]:
    """The IOC's, and those of the workers that the request names."""
    servers = named(api, request.system or ALL)
    share = MAX_BYTES // max(1, len(servers))
    asked = [(server.system_name, _ask(server, share)) for server in servers]
    ioc = Stacks(of="IOC", text=own_stacks().decode(errors="replace"))
    try:
        await _until_quiet([heard for _, heard in asked if heard is not None])
    finally:
        told = [(name, _end(heard)) for name, heard in asked]
    text = "\n".join(f"worker {name}: {line}" for name, lines in told for line in lines)
    return [ioc, Stacks(of="workers", text=text)]


def _ask(server: Server, max_bytes: int) -> Heard | None:
    """What hears the stacks of its worker; None: there is nobody to ask."""
    heard = Heard(max_bytes)
    served = server.served
    is_asked = served is not None and served.supervisor.dump_stacks(heard)
    return heard if is_asked else None


async def _until_quiet(all_heard: list[Heard]) -> None:
    end_s = time.monotonic() + WAIT_S
    while time.monotonic() < end_s:
        if all(heard.is_quiet(QUIET_S) for heard in all_heard):
            return
        await asyncio.sleep(LOOK_S)


def _end(heard: Heard | None) -> list[str]:
    if heard is None:
        return ["there is no process, or it has only begun"]
    return heard.end() or [f"it was asked, and has written nothing for {WAIT_S:g} s"]
