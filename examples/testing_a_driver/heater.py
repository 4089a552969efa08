"""A heater that speaks a line protocol over TCP: the driver that is tested."""

import socket

from sswd import System, every


class Heater(System):
    """`CMD` takes "heat <celsius>" and "off"."""

    def __init__(self, host, port):
        self.address = host, port

    def setup(self):
        self.connection = socket.create_connection(self.address, timeout=2.0)
        self.lines = self.connection.makefile("rw", newline="\n")

    def ask(self, line):
        self.lines.write(line + "\n")
        self.lines.flush()
        return self.lines.readline().strip()

    def on_cmd(self, text):
        word, _, celsius = text.partition(" ")
        if word == "off":
            self.ask("OFF")
        elif word == "heat":
            self.heat(float(celsius))
        else:
            raise ValueError(f"{text!r} is neither 'heat <celsius>' nor 'off'")

    def heat(self, celsius):
        self.ask(f"SET {celsius}")
        trace = [float(self.ask("TEMP?"))]
        while abs(trace[-1] - celsius) > 0.5:
            self.sleep(0.02)  # an ABORT ends it here
            trace.append(float(self.ask("TEMP?")))
            self.progress(1 - abs(celsius - trace[-1]) / abs(celsius - trace[0]))
        self.io_put("values", trace)

    @every(0.5)
    def read_back(self):
        self.io_put("TEMPERATURE", float(self.ask("TEMP?")))

    def close(self):
        self.ask("OFF")
        self.connection.close()
