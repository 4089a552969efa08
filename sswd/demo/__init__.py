"""`sswd demo`: a simulated instrument, a system that drives it, and things to try."""

import contextlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from sswd.config import load
from sswd.config.keys import Config

CONFIG = Path(__file__).with_name("scan.toml")
_NEEDS_PYVISA = (
    "sswd demo drives its instrument with pyvisa, which is not installed; "
    'get it with: pip install "sswd[demo]", in a checkout pip install -e ".[demo]"\n'
)
_DEVICE_STOP_S = 5.0

_INTRODUCTION = """
A simulated digitizer with a motion stage listens at 127.0.0.1:{device_port}. A worker
drives it with pyvisa, and the IOC serves it on loopback:

{pvs}

In other shells:

  export EPICS_CA_AUTO_ADDR_LIST=NO EPICS_CA_ADDR_LIST=127.0.0.1:{ca_port}
{path}
1. Watch.

  sswd monitor {p}values {p}POSITION {p}message {p}WORKER:STATE

2. Scan. In the same place: move(20), sleep(5), idn, whose answer is in {p}message,
   and hang and crash, to see that clients stay connected and {p}WORKER:STALLED or
   {p}CMD_ERROR tells them why. {p}CMD_PREVIEW tells what a text would do.

  sswd put {p}CMD "scan(0, 10, 11)"

3. Restart the worker, and not the IOC. It works after hang, too.

  sswd put {p}WORKER:RESTART 1

4. Switch the instrument off for 10 s. Its PVs are INVALID and {p}WORKER:LINK_ERROR
   says why, until it answers again.

  sswd monitor {p}POSITION.SEVR {p}WORKER:LINK
  sswd put {p}FAULT OFF

Ctrl-C ends everything.

"""
SHOWN = (
    *("CMD", "CMD_STATE", "PROGRESS", "POSITION", "values", "WAVEFORM", "message"),
    *("CMD_ERROR", "WORKER:STATE", "WORKER:PID", "WORKER:RUN", "WORKER:STALLED"),
    *("WORKER:LINK", "WORKER:LINK_ERROR"),
)
"""What the live display shows."""
_TEMPLATE_PVS = {
    "CMD": "command to the system, a long string",
    "ACK": "its answer: 0 while it runs, then 1, or 0 and why",
    "values": "what it acquires, one number a point",
    "message": "what it has to say, the answer to idn for example",
    "CMD_STATE": "what became of the command; CMD_ERROR says why",
    "PROGRESS": "how far it is, 0 to 1",
    "ABORT": "put 1 to end it",
    "WORKER:STATE": "the process that runs it; also PID, RUN, STALLED, LAST_ERROR, ...",
    "WORKER:LINK": "its link to the instrument; LINK_ERROR says what is wrong",
    "WORKER:RESTART": "put 1 for a new one",
}


def run(*, plain: bool = False) -> int:
    """Serve the demo until Ctrl-C; returns the exit code.

    On a terminal with rich, its PVs and its log are shown live, unless `plain`.

    Channel Access stays on loopback at a port of its own, against the environment.
    """
    if not all(importlib.util.find_spec(name) for name in ("pyvisa", "pyvisa_py")):
        sys.stderr.write(_NEEDS_PYVISA)
        return 1
    display = display_of("DEMO:", SHOWN, plain=plain)
    from sswd.testing import loopback_env  # not in a worker, which loads us too

    env = loopback_env()
    # Before caproto is imported: parts of it read the environment only then.
    os.environ.update(env)
    with contextlib.suppress(KeyboardInterrupt), display, device() as device_port:
        from sswd.ioc.daemon import service

        config = configuration(device_port)
        sys.stdout.write(introduction(config, device_port, env["EPICS_CA_SERVER_PORT"]))
        sys.stdout.flush()
        return service.run(config, folder=CONFIG.parent)
    return 0


def display_of(
    prefix: str, names: Sequence[str], *, plain: bool
) -> contextlib.AbstractContextManager[None]:
    """Shows what the block writes, and the PVs; nothing without a terminal or rich."""
    if plain or importlib.util.find_spec("rich") is None:
        return contextlib.nullcontext()
    from sswd.demo import display  # rich is an extra

    return (
        display.shown(prefix, names)
        if display.is_wanted()
        else contextlib.nullcontext()
    )


@contextlib.contextmanager
def device() -> Iterator[int]:
    """The simulated instrument as a process of its own; gives its TCP port.

    It ends with its standard input, thus also when this process is killed. In a process
    group of its own, Ctrl-C does not reach it before the system has said good-bye.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "sswd.demo.device", "--port", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        process_group=0,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            try:
                process.wait(_DEVICE_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def configuration(device_port: int) -> Config:
    """The demo's configuration for an instrument at `device_port`."""
    config = load(CONFIG)
    args = {"address": f"TCPIP::127.0.0.1::{device_port}::SOCKET"}
    scan = msgspec.structs.replace(config.system["scan"], args=args)
    return msgspec.structs.replace(config, system={"scan": scan})


def introduction(config: Config, device_port: int, ca_port: str) -> str:
    """The PVs and the commands to try, for the terminal."""
    declared = config.system["scan"].pvs
    pvs = _TEMPLATE_PVS | {name: pv.description for name, pv in declared.items()}
    lines = [f"  {config.prefix + name:<20} {text}" for name, text in pvs.items()]
    folder = Path(sys.executable).parent
    on_path = str(folder) in os.environ.get("PATH", "").split(os.pathsep)
    return _INTRODUCTION.format(
        device_port=device_port,
        ca_port=ca_port,
        pvs="\n".join(lines),
        path="" if on_path else f"  export PATH={folder}:$PATH\n",
        p=config.prefix,
    )
