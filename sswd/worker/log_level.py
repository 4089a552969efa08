"""Sets the level of a logger in the worker, when the IOC says so."""

import logging
import threading

from sswd.pipe.protocol import LogLevel


def set_level(message: LogLevel) -> None:
    """Set it, on a thread of its own.

    logging has a lock for this, which a driver may hold for ever; the control thread
    must not wait for it.
    """
    threading.Thread(
        target=_set, args=(message,), name="sswd-log-level", daemon=True
    ).start()


def _set(message: LogLevel) -> None:
    logging.getLogger(message.logger or None).setLevel(message.level)
