"""A timing master: an IOC that steps servers through nested loops.

`python -m sswd.master FILE.toml` serves it; see docs/how-to/step-with-a-master.md. To
embed one: `config.load(path)` gives a MasterConfig or raises ConfigError, and
`__main__.serve(config)` serves it until it is cancelled.

The pure rules of the loops are in loops.py, one server seen from outside in server.py,
the scan in conductor.py, the PVs in group.py. Counts are ints from 0 to 2**31 - 1,
times are in s.

Threading model: everything on one asyncio loop, in the main thread.
"""
