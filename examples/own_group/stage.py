"""The system: imported in the worker only."""

from sswd import System


class Stage(System):
    """Moves when told to; what it is told comes from the putters of StageIOC."""

    def io_execute(self, pv_name, value):
        if pv_name == "CMD":
            positions = [float(word) for word in value.strip("[]").split(",")]
            self.io_put("values", positions)
            self.io_put("ACK", "1")
        elif pv_name == "SPEED":
            self.io_put("message", f"the speed is {value} mm/s")
        else:
            raise ValueError(f"no such PV: {pv_name}")
