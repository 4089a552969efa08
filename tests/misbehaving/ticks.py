"""A system that posts a hundred times a second and obeys at once."""

from sswd import System, every


class Ticks(System):
    def setup(self) -> None:
        self.number = 0

    @every(0.01)
    def tick(self) -> None:
        self.number += 1
        self.io_put("COUNT", self.number)

    def on_LEVEL(self, level: float) -> None:
        self.io_put("LEVEL_RBV", level)

    def on_CMD(self, text: str) -> None:
        self.io_put("message", text)
