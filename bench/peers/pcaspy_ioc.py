"""pcaspy: the portable CA server in C++ under Python. Prints READY."""

import threading
import time
from collections.abc import Mapping
from typing import Any

from pcaspy import Driver, SimpleServer

from bench.peers.arguments import parse, prefix_of
from bench.systems import FLOATS, IMAGE4, IMAGE16, Operations

ARGS = parse()
TURN_S = 0.05

pvdb: dict[str, dict[str, Any]] = {f"val{i}": {"prec": 3} for i in range(ARGS.pvs)}
pvdb["values"] = {"count": FLOATS}
if ARGS.images:
    pvdb["img4"] = {"type": "char", "count": IMAGE4}
    pvdb["img16"] = {"type": "char", "count": IMAGE16}
for number in range(ARGS.systems):
    pvdb[f"{prefix_of(number)}CMD"] = {"type": "string"}
    pvdb[f"{prefix_of(number)}ACK"] = {"type": "int"}


class Systems(Driver):
    """All systems, with a thread per command."""

    def __init__(self) -> None:
        super().__init__()
        self._operations = {
            f"{prefix_of(number)}CMD": Operations(self._poster(prefix_of(number)))
            for number in range(ARGS.systems)
        }

    def _poster(self, prefix: str) -> Any:
        def post(updates: Mapping[str, Any]) -> None:
            for pv, value in updates.items():
                self.setParam(prefix + pv if pv == "ACK" else pv, value)
            self.updatePVs()

        return post

    def write(self, reason: str, value: Any) -> bool:
        """A client's put."""
        self.setParam(reason, value)
        operations = self._operations[reason]
        threading.Thread(target=operations.execute, args=(value,), daemon=True).start()
        return True


server = SimpleServer()
server.createPV("T:", pvdb)
driver = Systems()
print("READY", flush=True)
end_s = time.monotonic() + ARGS.secs
while time.monotonic() < end_s:
    server.process(TURN_S)
