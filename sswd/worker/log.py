"""The logger of sswd's own words in a worker.

It is none of `logging.getLogger`: a driver or an SDK that calls dictConfig, fileConfig,
basicConfig(force=True) or logging.disable at its import would silence that, and a
readback that fails for ever would be told nowhere.
"""

import logging


class _OwnLogger(logging.Logger):
    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 (logging's name)
        """Ask our level only: logging.disable is the driver's."""
        return level >= self.level


log = _OwnLogger("sswd.worker", logging.INFO)
log.parent = logging.getLogger()


def keep_to(handler: logging.Handler) -> None:
    """Send sswd's own words to this handler and to no other."""
    log.handlers = [handler]
    log.propagate = False
