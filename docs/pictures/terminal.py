"""Draws demo.svg and top.svg: what `sswd demo` and `sswd top` show, from a real demo.

    python docs/pictures/terminal.py

A scan has run, and the instrument has been switched off.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console, RenderableType
from rich.text import Text

HERE = Path(__file__).parent
WIDTH = 132
SCAN = "scan(0, 10, 41)"


def main() -> None:
    """Run the demo, command it, and draw."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"RUNTIME_DIRECTORY": folder, "STATE_DIRECTORY": folder}
        log = Path(folder) / "log"
        with log.open("wb") as stream:
            command = [sys.executable, "-m", "sswd", "demo", "--plain"]
            demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stream)
        try:
            wait_for("RUNNING", "DEMO:WORKER:STATE")
            sswd("call", "DEMO:CMD", SCAN)
            sswd("call", "DEMO:FAULT", "OFF")
            wait_for("LOST", "DEMO:WORKER:LINK")
            draw(log)
        finally:
            demo.terminate()
            demo.communicate()


def draw(log: Path) -> None:
    """Both pictures."""
    from sswd.demo import SHOWN
    from sswd.demo.display import LOG_LINES, Source, drawing

    lines = [line for line in log.read_text().splitlines() if line.startswith("2")]
    values = Source("DEMO:", SHOWN).values()
    save(drawing("DEMO:", values, lines[-LOG_LINES:]), "sswd demo", HERE / "demo.svg")
    save(Text(sswd("top", "--count", "1")), "sswd top", HERE / "top.svg")


def save(what: RenderableType, title: str, path: Path) -> None:
    """One picture, without the fonts that it would fetch from the network."""
    with Path(os.devnull).open("w") as nowhere:
        console = Console(width=WIDTH, record=True, file=nowhere)
        console.print(what)
    drawn = console.export_svg(title=title, unique_id=path.stem)
    drawn = re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL)
    path.write_text(re.sub(r"[ \t]+$", "", drawn, flags=re.MULTILINE))


def sswd(*words: str) -> str:
    """What a command prints."""
    command = [sys.executable, "-m", "sswd", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def wait_for(text: str, pv: str) -> None:
    """Until the PV shows the text. Raises TimeoutError after half a minute."""
    until = time.monotonic() + 30.0
    while text not in sswd("watch", "--once", pv):
        if time.monotonic() > until:
            raise TimeoutError(f"{pv} does not become {text}")
        time.sleep(0.2)


if __name__ == "__main__":
    main()
