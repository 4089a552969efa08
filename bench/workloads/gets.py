"""W2: gets: one at a time, 10 and 100 PVs pipelined, 10 and 100 clients."""

from bench.servers import Shape
from bench.trial import Trial

PVS = 100


def run(trial: Trial) -> None:
    """Notes one (times) and the rates in gets/s."""
    secs = trial.pick(3.0, 1.0)
    with trial.serve(Shape(pvs=PVS)) as server:
        one = server.measure("get", pv="T:val0", secs=secs)
        trial.times("one", one.series["lat"])
        for count in (10, 100):
            result = server.measure("get", prefix="T:val", count=count, secs=secs)
            trial.note(f"pipelined_{count}", result.fact("rate"))
        for count in (10, 100):
            result = server.measure("clients", pv="T:val0", clients=count, secs=secs)
            trial.note(f"clients_{count}", result.fact("rate"))
        with server.one_core_each():
            result = server.measure("clients", pv="T:val0", clients=10, secs=secs)
            trial.note("clients_10_split", result.fact("rate"))
