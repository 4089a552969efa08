"""Who puts: known while a put is performed, for those whom it reaches.

Each put is a task of its own, so a context variable is its own.
"""

from contextvars import ContextVar

PUTTER: ContextVar[str] = ContextVar("putter", default="")
""" "user@host", as the client names itself; empty: nobody puts, the IOC acts."""


def putter() -> str:
    """Who puts what is being performed now."""
    return PUTTER.get()
