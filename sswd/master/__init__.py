"""A timing master: an IOC that steps servers through nested loops.

`python -m sswd.master FILE.toml`; see docs/how-to/step-with-a-master.md. Pure rules in
loops.py, one server seen from outside in server.py, the scan in conductor.py, the PVs
in group.py.
"""
