"""A fork server that has a second thread."""

import threading
from typing import Any

import sswd.worker.forkserver


def main(spec: Any, *connections: Any) -> None:
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    sswd.worker.forkserver.main(spec, *connections)
