"""Drivers that arrange logging as SDKs and lab packages do, at their import."""

import logging.config
import os

from sswd import System, every

CONSOLE = {
    "version": 1,  # and disable_existing_loggers is true unless said otherwise
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "ERROR"},
}

match os.environ["SILENCED_BY"]:
    case "dictConfig":
        logging.config.dictConfig(CONSOLE)
    case "basicConfig":
        logging.basicConfig(force=True, level=logging.CRITICAL, filename=os.devnull)
    case "disable":
        logging.disable(logging.CRITICAL)
    case "root":
        logging.getLogger().handlers.clear()
        logging.getLogger().setLevel(logging.CRITICAL)
    case "machinery":
        logging.setLogRecordFactory(lambda *_args, **_more: None)
        logging.Logger.handle = lambda _logger, _record: None
        for handler in logging.getLogger().handlers:
            handler.addFilter(lambda _record: False)
            handler.close()


class Silent(System):
    """All that sswd has to tell of it fails."""

    @every(0.1)
    def readback(self) -> None:
        raise RuntimeError("the readback is broken")

    def abort(self) -> None:
        raise RuntimeError("abort is broken")

    def close(self) -> None:
        raise RuntimeError("close is broken")

    def on_CMD(self, _text: str) -> None:
        self.sleep(10)
