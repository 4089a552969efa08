"""A system in the style of the old wrapper, which reads the CHAR content itself."""


class OldSystem:
    io = None

    def io_execute(self, pv_name, value):
        self.io.seq.io_put_queue.put({"message": f"{pv_name} {bytes(value)}"})
