"""Logs what it is told, by a logger of a vendor's library, at the level DEBUG.

Its link to the instrument is lost when it is told so.
"""

import logging

from sswd import System

bus = logging.getLogger("vendor.bus")
configured = logging.getLogger("vendor.configured")


class Talks(System):
    is_lost = False

    def ping(self):
        if self.is_lost:
            raise ConnectionError("the cable is pulled")

    def on_CMD(self, text):
        bus.debug("heard %s", text)
        configured.debug("took %s", text)
        self.is_lost = text == "lose"
