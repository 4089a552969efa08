"""One worker process as the IOC sees it."""
