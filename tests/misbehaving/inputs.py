"""An instrument that corrects its value by a PV of another IOC."""

from sswd import System
from sswd.worker.reading import Reading

PVS = """
CORRECTED = { type = "float", depends = ["beam"] }
BEAM = { type = "float" }
FREE = { type = "float" }
TELL = { type = "str", writable = true }
"""


class Corrected(System):
    """Posts what it is told of its inputs."""

    def setup(self) -> None:
        self.seen = 0
        self.io_put({"CORRECTED": 0.0, "FREE": 0.0})

    def on_input_beam(self, reading: Reading) -> None:
        self.seen += 1
        if reading.is_usable:
            self.io_put("CORRECTED", 2.0 * reading.value)
            self.io_put("BEAM", reading.value, timestamp=reading.timestamp)

    def on_TELL(self, name: str) -> None:
        reading = self.inputs[name]
        told = f"{reading.value!r} {reading.severity:d} {reading.status:d}"
        self.io_put("message", f"{told} {reading.message}")

    def on_CMD(self, text: str) -> None:
        """Busy until the input has a value; how many the method has been told."""
        if text.startswith("busy"):
            self.io_put("message", "busy")
            while self.inputs["beam"].value != float(text.split()[1]):
                self.sleep(0.01)
        self.io_put("message", str(self.seen))
