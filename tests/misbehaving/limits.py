"""A system that grows, and one that is large from its start."""

import time

from sswd import System

MIB = 1 << 20


class Hungry(System):
    """`CMD` "eat 100" takes 100 MiB and is then busy for a while."""

    def __init__(self, start_mib: int = 0) -> None:
        self._held = [bytearray(start_mib * MIB)]

    def on_CMD(self, text: str) -> None:
        word, _, rest = text.partition(" ")
        if word == "eat":
            self._held.append(bytearray(b"x" * (int(rest) * MIB)))
        self.io_put("message", f"in {text}")
        time.sleep(2.5 if word == "eat" else 0.0)

    def close(self) -> None:
        self.log.warning("closed in order")
