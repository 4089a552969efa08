"""S1: plain caproto with a thread per command and a ThreadsafeQueue for the posts.

It is what the sequence server wrapper did. Prints READY.
"""

import os
import threading
from typing import Any

import numpy as np
from caproto import ChannelType
from caproto.server import PVGroup, SubGroup, pvproperty, run

from bench.peers.arguments import parse, prefix_of
from bench.systems import FLOATS, IMAGE4, IMAGE16, Operations

ARGS = parse()


class System(PVGroup):
    """CMD and ACK of one system; the posts go to the outermost group."""

    CMD = pvproperty(value="", dtype=ChannelType.STRING)
    ACK = pvproperty(value=0, dtype=int)

    @CMD.startup
    async def CMD(self, _instance: Any, async_lib: Any) -> None:  # noqa: N802
        io_put_queue = async_lib.ThreadsafeQueue()
        self.operations = Operations(io_put_queue.put)
        threading.Timer(ARGS.secs, os._exit, (0,)).start()
        print("READY", flush=True)
        while True:
            for name, value in (await io_put_queue.async_get()).items():
                group = self if name == "ACK" else self.parent
                await getattr(group, name).write(value)

    @CMD.putter
    async def CMD(self, _instance: Any, value: Any) -> Any:  # noqa: N802
        text = value[0] if isinstance(value, list) else value
        threading.Thread(
            target=self.operations.execute, args=(text,), daemon=True
        ).start()
        return value


def image(size: int) -> Any:
    """A PV of bytes that holds `size` of them and starts with few."""
    return pvproperty(value=bytes(16), dtype=bytes, max_length=size)


members: dict[str, Any] = {
    f"val{i}": pvproperty(value=0.0, dtype=float) for i in range(ARGS.pvs)
}
members["values"] = pvproperty(value=np.zeros(FLOATS), dtype=float, max_length=FLOATS)
if ARGS.images:
    members |= {"img4": image(IMAGE4), "img16": image(IMAGE16)}
for number in range(ARGS.systems):
    members[f"system{number}"] = SubGroup(System, prefix=prefix_of(number))
run(type("Ioc", (PVGroup,), members)(prefix="T:").pvdb)
