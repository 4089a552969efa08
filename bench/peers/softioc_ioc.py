"""S2: pythonSoftIOC, EPICS base's C server under Python. Prints READY."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from softioc import asyncio_dispatcher, builder, softioc

from bench.peers.arguments import parse, prefix_of
from bench.systems import FLOATS, IMAGE4, IMAGE16, Operations

ARGS = parse()
builder.SetDeviceName("T")
records = {
    f"val{i}": builder.aIn(f"val{i}", initial_value=0.0) for i in range(ARGS.pvs)
}
records["values"] = builder.WaveformIn(
    "values", length=FLOATS, initial_value=np.zeros(FLOATS)
)
if ARGS.images:
    for name, size in (("img4", IMAGE4), ("img16", IMAGE16)):
        records[name] = builder.WaveformIn(
            name, length=size, datatype="uint8", initial_value=np.zeros(16, np.uint8)
        )


def make_system(number: int) -> None:
    """CMD and ACK of one system, with a thread per command."""
    prefix = prefix_of(number)
    ack = builder.longIn(f"{prefix}ACK", initial_value=0)
    operations = Operations(poster(ack))

    def put(text: str) -> None:
        threading.Thread(target=operations.execute, args=(text,), daemon=True).start()

    builder.stringOut(
        f"{prefix}CMD", initial_value="", on_update=put, always_update=True
    )


def poster(ack: Any) -> Callable[[Mapping[str, Any]], None]:
    """The function that posts for the system of this ACK record."""

    def post(updates: Mapping[str, Any]) -> None:
        for pv, value in updates.items():
            (ack if pv == "ACK" else records[pv]).set(value)

    return post


for number in range(ARGS.systems):
    make_system(number)
dispatcher = asyncio_dispatcher.AsyncioDispatcher()
builder.LoadDatabase()
softioc.iocInit(dispatcher)
print("READY", flush=True)
time.sleep(ARGS.secs)
os._exit(0)
