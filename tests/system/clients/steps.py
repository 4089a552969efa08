"""What every client library has to be able to do with a daemon, as one list of steps.

Runs in a process of its own, since CA libraries keep process-wide state. A client is a
class with the primitives below; `main` runs the steps with it and prints one JSON
object a step: what was seen, or the error.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

LONG_TEXT = "echo " + "x" * 300
WAIT_S = 10.0


class Client(Protocol):
    """Names are without the prefix. Texts are str, arrays are lists."""

    def get(self, name: str) -> Any: ...
    def enum(self, name: str) -> tuple[int, str]: ...
    def put(self, name: str, value: Any) -> None: ...
    def put_wait(self, name: str, value: Any) -> bool: ...
    def failing_put(self, name: str, text: str) -> Any: ...
    def put_string(self, name: str, text: str) -> None: ...
    def put_chars(self, name: str, text: str) -> None: ...
    def monitor(self, name: str, last: Any, during: Callable[[], Any]) -> list[Any]:
        """All updates up to `last`; `during` is called after the first one."""


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that another thread fulfils."""
    deadline_s = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > deadline_s:
            raise TimeoutError("updates are missing")
        time.sleep(0.01)


def wait_for(read: Callable[[], Any], wanted: Any) -> Any:
    """Read until it is `wanted`, at most WAIT_S; the last thing read."""
    deadline_s = time.monotonic() + WAIT_S
    while (seen := read()) != wanted and time.monotonic() < deadline_s:
        time.sleep(0.01)
    return seen


def get(client: Client) -> Any:
    return {"number": client.get("FIXED"), "text": client.get("LABEL")}


def put(client: Client) -> Any:
    client.put("NUMBER", 2.5)
    return wait_for(lambda: client.get("DOUBLED"), 5.0)


def put_callback(client: Client) -> Any:
    begin_s = time.monotonic()
    ok = client.put_wait("CMD", "slow")
    took_s = time.monotonic() - begin_s
    return {
        "ok": ok,
        "waited": took_s >= 0.3,
        "state": client.enum("CMD_STATE")[1],
        "values": client.get("values"),
        "ack": client.get("ACK"),
    }


def put_fails(client: Client) -> Any:
    ok = client.put_wait("CMD", "fail")
    return {
        "ok": ok,
        "state": client.enum("CMD_STATE")[1],
        "error": client.get("CMD_ERROR"),
        "ack": client.get("ACK"),
    }


def failure_is_seen(client: Client) -> Any:
    """What the library's users see of it, in its own terms."""
    return client.failing_put("CMD", "fail")


def monitor(client: Client) -> Any:
    def three_puts() -> None:
        for number in (1.0, 2.0, 3.0):
            client.put_wait("NUMBER", number)

    client.put_wait("NUMBER", 0.0)
    # Some libraries tell the first value twice.
    return [seen for seen in client.monitor("DOUBLED", 6.0, three_puts) if seen]


def array(client: Client) -> Any:
    client.put_wait("WAVE", [1.0, -2.0, 3.5])
    return {"written": client.get("WAVE"), "answer": client.get("values")}


def enum(client: Client) -> Any:
    seen = []
    for value in ("fast", 1):
        client.put_wait("MODE", value)
        seen.append([*client.enum("MODE"), client.get("LABEL")])
    client.put_wait("MODE", 0)
    return seen


def string_write(client: Client) -> Any:
    client.put_string("CMD", "echo as a string")
    return wait_for(lambda: client.get("message"), "as a string")


def char_write(client: Client) -> Any:
    client.put_chars("CMD", LONG_TEXT)
    wait_for(lambda: client.get("message"), LONG_TEXT[5:])
    return {"cmd": client.get("CMD"), "message": client.get("message")}


def reconnect(client: Client) -> Any:
    before = client.get("WORKER:PID")
    sys.stdout.write("reconnect\n")
    sys.stdout.flush()
    sys.stdin.readline()  # the test restarts the daemon meanwhile
    deadline_s = time.monotonic() + 3 * WAIT_S
    while time.monotonic() < deadline_s:
        try:
            after = client.get("WORKER:PID")
        except Exception:  # every library has errors of its own for "disconnected"
            time.sleep(0.1)
            continue
        if after not in (before, 0, None):
            return {"get": True, "put": client.put_wait("CMD", "slow")}
    return "never"


STEPS = [
    get,
    put,
    put_callback,
    put_fails,
    failure_is_seen,
    monitor,
    array,
    enum,
    string_write,
    char_write,
    reconnect,
]


def main(make: Callable[[str], Client]) -> None:
    """Run all steps with the client that `make(prefix)` makes."""
    client = make(sys.argv[1])
    for step in STEPS:
        try:
            seen = step(client)
        except Exception as error:
            seen = f"{type(error).__name__}: {error}"
        sys.stdout.write(json.dumps({step.__name__: seen}) + "\n")
        sys.stdout.flush()
