"""A stage that is stepped: fast below 100, very slow from there."""

from typing import ClassVar

from sswd import SequenceSystem
from sswd.sequence import verb


class Stage(SequenceSystem):
    pvs: ClassVar = {"VAL": {"units": "mm"}}

    def move(self, value: float) -> None:
        self.sleep(0.002 if value < 100 else 60.0)

    @verb(duration_s=2.0)
    def flow(self, position: float, speed: float = 0.1) -> None:
        self.io_put("message", f"flow to {position:g} at {speed:g}")
