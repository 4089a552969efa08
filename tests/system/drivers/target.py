"""The system that the client matrix talks to; runs in the worker."""

from sswd import System


class Target(System):
    def on_cmd(self, text: str) -> None:
        if text == "slow":
            self.sleep(0.3)
            self.io_put("values", [1.0, 2.0, 3.0])
        elif text.startswith("echo "):
            self.io_put("message", text.removeprefix("echo "))
        else:
            raise ValueError(f"told to {text}")

    def on_number(self, number: float) -> None:
        self.io_put("DOUBLED", 2 * number)

    def on_wave(self, wave: list[float]) -> None:
        self.io_put("values", list(wave)[::-1])

    def on_mode(self, mode: str) -> None:
        self.io_put("LABEL", mode)
