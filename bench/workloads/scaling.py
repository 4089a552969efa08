"""W8: cost as work grows: number of PVs, of clients, and of systems.

PVs: all posted and monitored at 10 Hz while a client gets one of them. Clients: each
gets at 50 Hz. Systems (sswd only: a worker each): commands to the first one.
"""

from bench.client import stopping
from bench.running import RunningServer
from bench.servers import Shape
from bench.trial import Trial

PVS = (1, 10, 100, 1000)
CLIENTS = (1, 10, 100)
SYSTEMS = (1, 4, 16)
HZ = 10
GAP_US = 20_000


def run(trial: Trial) -> None:
    """Notes pvs_N, clients_N and systems_N: times, cpu_% and memory_mb."""
    secs = trial.pick(3.0, 1.0)
    for count in trial.pick(PVS, (1, 100, 1000)):
        with trial.serve(Shape(pvs=count)) as server:
            _pvs(trial, server, count, secs)
    with trial.serve() as server:
        for count in CLIENTS:
            _clients(trial, server, count, secs)
    if trial.kind.has_worker:
        for count in trial.pick(SYSTEMS, (1, 4)):
            with trial.serve(Shape(systems=count)) as server:
                _systems(trial, server, count, secs)


def _pvs(trial: Trial, server: RunningServer, count: int, secs: float) -> None:
    name = f"pvs_{count}"
    loads = [
        server.load("get", pv="T:val0", gap_us=GAP_US / 20, secs=secs),
        server.load("subscribe", prefix="T:val", count=count, secs=secs),
    ]
    with stopping(loads) as (get, subscribe):
        server.command(f"ALL {count} {secs + 0.5} {HZ}")
        get.go()
        subscribe.go()
        trial.note(f"{name}.cpu_%", server.usage(secs * 0.9)[1])
        trial.times(name, get.result().series["lat"])
        delivered = subscribe.result().fact("rate") / (HZ * count)
    trial.note(f"{name}.delivered_%", 100 * delivered)
    trial.note(f"{name}.memory_mb", server.memory())


def _clients(trial: Trial, server: RunningServer, count: int, secs: float) -> None:
    name = f"clients_{count}"
    load = server.load("clients", pv="T:val0", clients=count, gap_us=GAP_US, secs=secs)
    with stopping([load]):
        load.go()
        trial.note(f"{name}.cpu_%", server.usage(secs * 0.9)[1])
        trial.times(name, load.result().series["lat"])
    trial.note(f"{name}.memory_mb", server.memory())


def _systems(trial: Trial, server: RunningServer, count: int, secs: float) -> None:
    name = f"systems_{count}"
    result = server.measure("command", cmd="T:CMD", ack="T:ACK", secs=secs, gap_us=500)
    trial.times(name, result.series["ack"])
    trial.note(f"{name}.memory_mb", server.memory())
