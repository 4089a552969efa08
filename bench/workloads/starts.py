"""W6: start of the server to the first caget; SIGKILL of the worker to the next answer.

The second is asked of sswd alone: elsewhere the server is gone with the system's code.
"""

import os
import signal
import time

from bench.client import stopping
from bench.running import RunningServer, answered_s
from bench.servers import Shape
from bench.trial import Trial

STANDBY_S = 1.5
"""So long a standby has to get ready."""


def run(trial: Trial) -> None:
    """Notes first_get_s, restart_s and standby_s."""
    with trial.serve() as server:
        trial.note("first_get_s", server.first_get_s - server.started_s)
        if trial.kind.has_worker:
            trial.note("restart_s", _restart_s(server))
    if trial.kind.has_worker:
        with trial.serve(Shape(standby=True)) as server:
            time.sleep(STANDBY_S)
            trial.note("standby_s", _restart_s(server))


def _restart_s(server: RunningServer) -> float:
    pid = server.system_pid
    with stopping([server.answer_load()]) as (load,):
        os.kill(pid, signal.SIGKILL)
        killed_s = time.monotonic()
        return answered_s(load.go().result()) - killed_s
