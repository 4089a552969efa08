"""A cryostat to try the driver with: `python simulator.py 5030`. Kill it: power off.

It answers lines on TCP: "KRDG?" the temperature in K, "LEVEL?" the helium level in %,
"SETP <K>" sets and answers "OK". It ends with its standard input.
"""

import math
import socketserver
import sys
import threading
import time


class Session(socketserver.StreamRequestHandler):
    begin_s = time.monotonic()
    setpoint_k = temperature_k = 300.0

    def handle(self):
        for line in self.rfile:
            word, _, value = line.decode().strip().partition(" ")
            self.wfile.write(self.answer(word, value).encode() + b"\n")

    def answer(self, word, value):
        cls = type(self)
        if word == "SETP":
            cls.setpoint_k = float(value)
            return "OK"
        if word == "LEVEL?":
            return f"{80.0 * math.exp((cls.begin_s - time.monotonic()) / 3600.0):.3f}"
        cls.temperature_k += 0.3 * (cls.setpoint_k - cls.temperature_k)
        return f"{cls.temperature_k:.3f}"


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


if __name__ == "__main__":
    with Server(("127.0.0.1", int(sys.argv[1])), Session) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print("on", flush=True)
        sys.stdin.read()
