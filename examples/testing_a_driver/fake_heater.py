"""The instrument, played by the test: a TCP server that counts and can misbehave."""

import socketserver
import threading


class FakeHeater(socketserver.ThreadingTCPServer):
    """Warms up by 5 degrees with each question."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Conversation)
        self.setpoint, self.temperature = 20.0, 20.0
        self.heard = []
        self.is_silent = False

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    @property
    def port(self):
        return self.server_address[1]

    def answer(self, line):
        self.heard.append(line)
        word, _, value = line.partition(" ")
        if word == "SET":
            self.setpoint = float(value)
        elif word == "TEMP?":
            step = max(-5.0, min(5.0, self.setpoint - self.temperature))
            self.temperature += step
            return str(self.temperature)
        return "OK"


class Conversation(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            answer = self.server.answer(line.decode().strip())
            if not self.server.is_silent:
                self.wfile.write(f"{answer}\n".encode())
