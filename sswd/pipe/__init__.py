"""Bytes between the IOC and a worker."""
