"""W7: CPU of 1000 monitors at 10 Hz each; memory at rest, and its slope under load."""

import time

import numpy as np

from bench.client import stopping
from bench.running import RunningServer
from bench.servers import Shape
from bench.trial import Trial

MONITORS, PVS, HZ = 1000, 100, 10
WARM_UP_S = 0.5
LOOK_S = 0.2


def run(trial: Trial) -> None:
    """Notes cpu_% (serving process), cpu_all_%, delivered_%, memory_mb, slope."""
    with trial.serve(Shape(pvs=PVS)) as server:
        _cpu(trial, server, trial.pick(5.0, 2.0))
    with trial.serve(Shape(pvs=10)) as server:
        server.measure("command", cmd="T:CMD", ack="T:ACK", n=300, secs=1.0)
        trial.note("memory_mb", server.memory())
        trial.note("slope_mb_per_min", _slope(server, trial.pick(12.0, 3.0)))


def _cpu(trial: Trial, server: RunningServer, secs: float) -> None:
    with stopping(
        [
            server.load(
                "subscribe", prefix="T:val", count=PVS, monitors=MONITORS, secs=secs
            )
        ]
    ) as (load,):
        server.command(f"ALL {PVS} {secs + 2 * WARM_UP_S} {HZ}")
        time.sleep(WARM_UP_S)
        load.go()
        serving, everything = server.usage(secs)
        result = load.result()
    trial.note("cpu_%", serving)
    trial.note("cpu_all_%", everything)
    trial.note("cpu.delivered_%", 100 * result.fact("rate") / (MONITORS * HZ))


def _slope(server: RunningServer, secs: float) -> float:
    """MiB a minute while a monitor at 1 kHz and gets go on."""
    warm_s = secs / 3
    loads = [
        server.load("monitor", pv="T:val0", secs=secs + warm_s),
        server.load("get", pv="T:val1", gap_us=500, secs=secs + warm_s),
    ]
    with stopping(loads):
        server.command(f"RATE 1000 {secs + warm_s}")
        for load in loads:
            load.go()
        time.sleep(warm_s)
        found = []
        start_s = time.monotonic()
        while (now_s := time.monotonic() - start_s) < secs:
            found.append((now_s / 60, server.memory()))
            time.sleep(LOOK_S)
    minutes, mib = np.array(found).T
    return float(np.polyfit(minutes, mib, 1)[0])
