"""A class that wants names of others, and posts under names that are none."""

import os
from pathlib import Path
from typing import Any, ClassVar

from sswd import System


class Greedy(System):
    """Its second run declares what others serve already."""

    pvs: ClassVar[dict[str, Any]] = {"OWN": {"type": "int"}}
    if Path(os.environ.get("SSWD_TEST_GREEDY", "no such file")).exists():
        pvs = {
            "OWN": {"type": "int"},
            "B:CMD": {"type": "str", "writable": True},
            "IOC:HEARTBEAT": {"type": "int"},
            **{f"B:PV{number}": {"type": "int"} for number in range(30)},
            "NEW": {"type": "int"},
        }

    def io_execute(self, pv_name: str, value: object) -> None:
        """Post under the names of others, or with arguments swapped."""
        if value == "swap":
            for number in range(300):
                self.io_put("x" * 1_000_000 + str(number), "values")
        self.io_put({"OWN": 1, "NEW": 2, "B:CMD": "stolen", "B:PV1": 3})


class Many(System):
    """Declares thousands."""

    pvs: ClassVar[dict[str, Any]] = {
        f"PV{number}": {"type": "float"} for number in range(5000)
    }

    def io_execute(self, pv_name: str, value: object) -> None:
        """Post the last one."""
        self.io_put("PV4999", 1.0)
