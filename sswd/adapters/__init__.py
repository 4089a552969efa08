"""Drivers that exist already, as systems: pymeasure, QCoDeS, SCPI text, plain classes.

`target = "pymeasure:package.module:Class"`, `"qcodes:package.module:Class"`,
`"object:package.module:Class"` or `"scpi:FILE.toml"` name one. The worker makes an
ordinary System of it (wrapped.py), which connects, pings, polls and reconnects as any
other; only what an attribute is, and how it is read and written, differs by kind.

The libraries are never imported by name: a driver's own import brings its library.

Threading model: all of it runs on the worker's main thread.
"""

from sswd.adapters.kinds import system_of

__all__ = ["system_of"]
