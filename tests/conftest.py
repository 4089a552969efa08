"""Pins Channel Access to loopback before any client library is imported."""

import os

from sswd.testing import loopback_env

os.environ.update(loopback_env())
