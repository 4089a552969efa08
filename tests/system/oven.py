"""A newcomer's oven: a driver of an instrument on TCP, and its TOML.

As docs/tutorials/first-driver.md and `sswd init` tell, with what an instrument on the
network needs: a link by name, a readback, a thread that posts, commands that wait.
"""

DRIVER = """\
import socket
import threading
from pathlib import Path

from sswd import System, every

TIMEOUT_S = 0.3
INTERLOCK = Path(__file__).with_name("interlock")


class Oven(System):
    def __init__(self, host, port):
        self.address = host, port
        self.socket = None
        self.ended = threading.Event()

    def connect(self):
        self.socket = socket.create_connection(self.address, TIMEOUT_S)
        self.lines = self.socket.makefile("rb")
        self.ask("READ?")

    def disconnect(self):
        if self.socket is not None:
            self.socket.close()

    def setup(self):
        if INTERLOCK.exists():
            raise RuntimeError("the interlock of the oven is open")
        if not self.ended.is_set():
            threading.Thread(target=self.follow_level, daemon=True).start()

    def ask(self, line):
        self.socket.sendall(line.encode() + b"\\n")
        return self.lines.readline().decode()

    def follow_level(self):
        while not self.ended.wait(0.05):
            self.io_put("LEVEL", 75.5)

    @every(0.1)
    def read(self):
        self.io_put("TEMPERATURE", float(self.ask("READ?")))

    def on_target(self, degrees):
        if degrees > 200:
            raise ValueError(f"the oven melts at {degrees:g} degrees")

    def on_cmd(self, text):
        if text == "end the thread":
            self.ended.set()
        else:
            self.sleep(3600)
"""
CONFIG = """\
prefix = "OVEN:"
[state]
directory = "saved"
[system.oven]
target = "oven:Oven"
args = { host = "localhost", port = PORT }
env = { RES_OPTIONS = "timeout:1 attempts:1" }
[system.oven.restart]
delay_s = 0.05
max_delay_s = 0.1
max_restarts = 2
stall_s = 1.0
[system.oven.command]
queue = 2
[system.oven.pvs]
TEMPERATURE = { type = "float", units = "C" }
LEVEL = { type = "float", stale_s = 2.0 }
TARGET = { type = "float", units = "C", writable = true, restore = true }
"""
