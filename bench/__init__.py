"""Side-by-side benchmarks of sswd against the servers that one would pick instead.

`python -m bench W1 W3 --servers sswd S1 S2 --repeats 5` runs any workloads against any
servers, interleaved; see `python -m bench --help` and docs/reference/performance.md.
"""
