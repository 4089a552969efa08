"""The system as sswd's worker runs it; imported in the worker only."""

from typing import Any

from bench.systems import Operations
from sswd import System


class BenchSystem(System):
    """Obeys the words of bench/systems.py. io_put copies arrays by itself."""

    def setup(self) -> None:
        self._operations = Operations(self.io_put, copies=True)

    def io_execute(self, _pv_name: str, value: Any) -> None:
        self._operations.execute(value)
