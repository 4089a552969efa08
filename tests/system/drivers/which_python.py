"""Tells which interpreter and which vendor's library it runs with."""

import sys

import vendor_sdk

from sswd import System


class WhichPython(System):
    def on_CMD(self, text):
        self.io_put("message", f"{vendor_sdk.VERSION} in {sys.prefix}")
