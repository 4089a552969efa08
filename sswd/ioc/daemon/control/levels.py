"""Levels of loggers, at run time.

Threading model: the loop's own.
"""

import logging
from collections.abc import Sequence

from sswd.control.protocol import Answer, LoggerLevel, Refused, SetLevel
from sswd.ioc.daemon.control import operate
from sswd.ioc.daemon.control.api import DaemonApi

log = logging.getLogger("sswd.ioc")

MAX_LOGGERS = 500
"""Beyond, a name that is no logger yet makes none."""


def tell(api: DaemonApi, request: SetLevel, who: str) -> Sequence[Answer]:
    """Set what is to be set; tell the levels that are set. Raises Refused."""
    if request.system:
        return _of_workers(api, request, who)
    known = logging.root.manager.loggerDict
    if request.logger and request.logger not in known and len(known) >= MAX_LOGGERS:
        raise Refused(f"there is no logger {request.logger!r}", "not found")
    if request.level is None:
        return _levels([request.logger] if request.logger else ["", *sorted(known)])
    logger, level = logging.getLogger(request.logger), str(request.level)
    if logger is logging.root and level == "NOTSET":
        level = logging.getLevelName(api.root_level)  # 0 would be all there is
    logger.setLevel(level)
    log.info("logger '%s' logs from %s on, by %s", logger.name, level, who)
    return _levels([request.logger])


def _of_workers(api: DaemonApi, request: SetLevel, who: str) -> list[Answer]:
    """The same, of the loggers in workers."""
    found: list[Answer] = []
    for server in operate.named(api, request.system):
        if server.served is None:
            raise Refused(f"system {server.system_name!r} is not served now")
        levels = server.served.supervisor.log_levels
        refusal = ""
        if request.level is not None:
            refusal = levels.set(request.logger, request.level, who)
        if refusal:
            raise Refused(refusal)
        for name, level in levels.set_levels.items():
            if request.level is None or name == request.logger:
                found.append(LoggerLevel(logger=name or "root", level=level))
    return found


def _levels(names: Sequence[str]) -> list[Answer]:
    """Those that have a level of their own; one that is asked for has its effective."""
    found: list[Answer] = []
    for name in names:
        logger = logging.getLogger(name)
        if logger.level or len(names) == 1:
            level = logging.getLevelName(logger.getEffectiveLevel())
            found.append(LoggerLevel(logger=name or "root", level=level))
    return found
