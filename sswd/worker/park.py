"""Runs a park routine as the "system" of a process of its own."""

from typing import Any

from sswd.worker.loader import load


class Park:
    """Calls `routine`, "module:function", with the system's `args`, and ends."""

    def __init__(self, routine: str, **args: Any) -> None:
        load(routine)(**args)
        raise SystemExit(0)

    def io_execute(self, pv_name: str, value: Any) -> None:
        """Never reached: the constructor ends the process."""
