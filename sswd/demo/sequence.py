"""`sswd demo --sequence`: two servers, a master that steps them, and things to try."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from sswd.config import load
from sswd.demo import display_of

SHOWN = tuple(
    f"{system}:{name}"
    for system in ("STAGE", "LASER")
    for name in ("CMD", "CMD_STATE", "VAL", "values", "WORKER:STATE", "WORKER:RUN")
)
"""What the live display shows."""
HERE = Path(__file__).parent
_MASTER_STOP_S = 5.0

_INTRODUCTION = """
Two servers are on loopback: a stage (DEMO:STAGE:) that takes its time, and a laser
delay (DEMO:LASER:). A master (MASTER:) in a process of its own steps them, the laser in
the inner loop.

In other shells:

  export EPICS_CA_AUTO_ADDR_LIST=NO EPICS_CA_ADDR_LIST="127.0.0.1:{port} 127.0.0.1:{master_port}"
{path}
1. Ask what a trajectory would be, then load one into each server.

  sswd put DEMO:STAGE:CMD_PREVIEW "lin_series(0, 10, 2)"
  sswd put DEMO:STAGE:CMD "lin_series(0, 10, 2)"
  sswd put DEMO:LASER:CMD "[-10] + log_series(1, 1000, 4)"

2. Watch, and begin: 6 positions times 14 delays.

  sswd monitor DEMO:STAGE:VAL MASTER:DONE MASTER:STATUS
  sswd put MASTER:START 1

3. Meanwhile, kill the stage's worker. The master waits for the new one, sends the step
   that was lost again, and goes on. RESENT counts it.

  kill -9 $(sswd get -t DEMO:STAGE:WORKER:PID)
  sswd get MASTER:RESENT MASTER:STATE

MASTER:PERIOD slows it down, MASTER:STOP ends it. Ctrl-C ends everything.

"""  # noqa: E501 - one line, to be copied


def run(*, plain: bool = False) -> int:
    """Serve until Ctrl-C; returns the exit code.

    Channel Access stays on loopback at ports of its own, against the environment.
    """
    from sswd.testing import free_port, loopback_env

    env, master_port = loopback_env(), free_port()
    port = env["EPICS_CA_SERVER_PORT"]
    # Before caproto is imported: parts of it read the environment only then.
    os.environ.update(env)
    hosts = f"127.0.0.1:{port} 127.0.0.1:{master_port}"
    master_env = {**loopback_env(master_port), "EPICS_CA_ADDR_LIST": hosts}
    display = display_of("DEMO:", SHOWN, plain=plain)
    with contextlib.suppress(KeyboardInterrupt), display, master(master_env):
        from sswd.ioc.daemon import service

        sys.stdout.write(introduction(port, str(master_port)))
        sys.stdout.flush()
        return service.run(load(HERE / "sequence.toml"), folder=HERE)
    return 0


@contextlib.contextmanager
def master(env: Mapping[str, str]) -> Iterator[None]:
    """The master, as a process that ends with us, also when we are killed."""
    with subprocess.Popen(
        [sys.executable, "-m", "sswd.master", "--until-eof", HERE / "master.toml"],
        stdin=subprocess.PIPE,
        env={**os.environ, **env},
        process_group=0,  # Ctrl-C is ours; it ends after us
    ) as process:
        assert process.stdin is not None
        try:
            yield
        finally:
            process.stdin.close()
            try:
                process.wait(_MASTER_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def introduction(port: str, master_port: str) -> str:
    """The commands to try, for the terminal."""
    folder = Path(sys.executable).parent
    on_path = str(folder) in os.environ.get("PATH", "").split(os.pathsep)
    return _INTRODUCTION.format(
        port=port,
        master_port=master_port,
        path="" if on_path else f"  export PATH={folder}:$PATH\n",
    )
