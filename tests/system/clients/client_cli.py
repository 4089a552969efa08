"""caproto's command line tools: caproto-get, caproto-put, caproto-monitor."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from steps import WAIT_S, main

BIN = Path(sys.executable).parent
LONG = {"CMD", "CMD_ERROR", "message"}
ARRAYS = {"values", "WAVE"}


class CommandLine:
    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def _tool(self, tool: str, *arguments: str) -> str:
        done = subprocess.run(
            [BIN / f"caproto-{tool}", "--no-repeater", *arguments],
            capture_output=True,
            text=True,
            timeout=3 * WAIT_S,
            check=True,
        )
        return done.stdout.strip()

    def _get(self, name: str, *options: str) -> str:
        return self._tool("get", "--terse", *options, self._prefix + name)

    def get(self, name: str) -> Any:
        if name in LONG:
            return self._get(name, "-S")
        text = self._get(name)
        if name in ARRAYS:
            return [float(word) for word in text.strip("[]").split()]
        return text if name in ("ACK", "LABEL") else float(text)

    def enum(self, name: str) -> tuple[int, str]:
        return int(self._get(name, "-n")), self._get(name)

    def _put(self, name: str, value: Any, *options: str) -> str:
        arguments = [*options, self._prefix + name]
        if isinstance(value, list):
            return self._tool("put", "--array", *arguments, " ".join(map(str, value)))
        if isinstance(value, str):
            return self._tool("put", "-S", *arguments, value)
        return self._tool("put", *arguments, str(value))

    def put(self, name: str, value: Any) -> None:
        self._put(name, value)

    def put_wait(self, name: str, value: Any) -> bool:
        return self._put(name, value, "--notify").startswith("Old")

    def failing_put(self, name: str, text: str) -> int:
        self._put(name, text, "--notify")  # raises for an exit code other than 0
        return 0

    def put_string(self, name: str, text: str) -> None:
        # The tool sends text to a CHAR PV as chars, whatever it is told; its library,
        # which client_caproto uses, can do DBR_STRING.
        self._put(name, text)

    put_chars = put_string

    def monitor(self, name: str, last: Any, during: Callable[[], Any]) -> list[Any]:
        monitor = subprocess.Popen(
            [
                *(BIN / "caproto-monitor", "--no-repeater"),
                *("--format", "{response.data[0]}", self._prefix + name),
            ],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert monitor.stdout is not None
        try:
            seen = [float(monitor.stdout.readline())]
            during()
            while seen[-1] != last:
                seen.append(float(monitor.stdout.readline()))
        finally:
            monitor.terminate()
            monitor.wait(WAIT_S)
            monitor.stdout.close()
        return seen


main(CommandLine)
