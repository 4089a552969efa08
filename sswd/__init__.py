"""sswd: blocking instrument code on EPICS Channel Access, in a process that may crash.

For driver code, which runs in the worker:

- `System`: the base class of a blocking system
- `every`: marks a method that is called between commands
- `Aborted`: raised in a command that is being ended
- `detached_env`: the environment for a program that shall outlive its worker
- `SequenceSystem`: a system that loads a trajectory and steps through it

For an IOC script of one's own: `sswd.ioc.Server`. For tests: `sswd.testing`. For a
timing master: `python -m sswd.master`.

Public names are imported when first used, so that a worker never loads caproto and the
IOC never loads what only a worker needs.
"""

from typing import TYPE_CHECKING, Any

from sswd.version import __version__

if TYPE_CHECKING:
    from sswd.alarm import Severity, Status
    from sswd.pipe.mark import detached_env
    from sswd.worker.reading import Reading
    from sswd.worker.sequence import SequenceSystem
    from sswd.worker.system import Aborted, System, every

__all__ = [
    "Aborted",
    "Reading",
    "SequenceSystem",
    "Severity",
    "Status",
    "System",
    "__version__",
    "detached_env",
    "every",
]

_HOMES = {
    "Aborted": "sswd.worker.system",
    "Reading": "sswd.worker.reading",
    "Severity": "sswd.alarm",
    "Status": "sswd.alarm",
    "SequenceSystem": "sswd.worker.sequence",
    "System": "sswd.worker.system",
    "detached_env": "sswd.pipe.mark",
    "every": "sswd.worker.system",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'sswd' has no attribute {name!r}")
