"""A group whose module arranges logging, in the IOC process."""

import logging.config
import os

from caproto.server import PVGroup, SubGroup

from sswd.ioc import Server

QUIET = {
    "version": 1,  # and disable_existing_loggers is true unless said otherwise
    "handlers": {"null": {"class": "logging.NullHandler"}},
    "root": {"handlers": ["null"], "level": "ERROR"},
}

match os.environ["SILENCED_BY"]:
    case "dictConfig":
        logging.config.dictConfig(QUIET)
    case "basicConfig":
        logging.basicConfig(force=True, level=logging.CRITICAL, filename=os.devnull)
    case "disable":
        logging.disable(logging.CRITICAL)
    case "factory":
        logging.setLogRecordFactory(lambda *_args, **_more: None)


class Silencing(PVGroup):
    """Serves a template, and nothing of its own."""

    seq = SubGroup(Server, prefix="seq:")
