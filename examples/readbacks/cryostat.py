"""Readbacks over a link that may be lost: sswd tells, and connects again."""

import socket

from sswd import System, every


class Cryostat(System):
    setpoint_k = 300.0

    def __init__(self, host, port, timeout_s=1.0):
        self.address = host, port
        self.timeout_s = timeout_s
        self.socket = None

    def connect(self):  # before setup, and again after the link was lost
        self.socket = socket.create_connection(self.address, self.timeout_s)
        self.lines = self.socket.makefile("rb")

    def disconnect(self):  # also where connect has failed
        if self.socket is not None:
            self.lines.close()
            self.socket.close()

    def restore(self, values):  # what was put before this worker started
        self.setpoint_k = values.get("SETPOINT", self.setpoint_k)

    def setup(self):  # after each connect: the instrument may have been off
        self.ask(f"SETP {self.setpoint_k}")
        self.read_temperature()

    def ask(self, line):
        self.socket.sendall(line.encode() + b"\n")
        answer = self.lines.readline()
        if not answer:
            raise ConnectionError(f"{line}: the cryostat has closed the connection")
        return answer.decode().strip()

    @every(0.2)
    def read_temperature(self):  # on the same thread as commands: no locks
        self.temperature_k = float(self.ask("KRDG?"))
        self.io_put("TEMPERATURE", self.temperature_k)

    @every(1.0)
    def read_level(self):
        self.io_put("LEVEL", float(self.ask("LEVEL?")))

    def on_setpoint(self, setpoint_k):
        self.ask(f"SETP {setpoint_k}")
        self.setpoint_k = setpoint_k
        self.log.info("cooling to %g K", setpoint_k)

    def on_cmd(self, text):
        """`wait 5`: until the temperature is within 5 K of the setpoint."""
        word, tolerance_k = text.split()
        if word != "wait":
            raise ValueError(f"{text!r}: the only command is wait <K>")
        while abs(self.temperature_k - self.setpoint_k) > float(tolerance_k):
            self.sleep(0.1)  # ABORT ends this; readbacks wait while a command runs,
            self.read_temperature()  # so a long command reads for itself
