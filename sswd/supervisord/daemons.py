"""Which daemons there are on this host, and whether their event loops answer.

A question goes through the control socket, whose kernel end says whose it is even when
nobody answers. Blocks.
"""

import contextlib
from pathlib import Path

from sswd.control.client import Connection, NoDaemonError, SilentError
from sswd.control.places import sockets
from sswd.control.protocol import Hello, Refused
from sswd.errors import SswdError


def answers(answer_s: float) -> dict[int, bool]:
    """Process id of each daemon -> whether it answered within `answer_s`."""
    asked = (_ask(path, answer_s) for path in sockets())
    return dict(answer for answer in asked if answer is not None)


def _ask(path: Path, answer_s: float) -> tuple[int, bool] | None:
    """None: no daemon of ours is there."""
    try:
        connection = Connection(path)
    except (BlockingIOError, TimeoutError):  # so many wait that no more may
        pid = _holder(path)
        return None if pid is None else (pid, False)
    except (OSError, NoDaemonError):  # left by a daemon that was killed; a stranger's
        return None
    with connection:
        try:
            list(connection.ask(Hello(), answer_s))
        except SilentError:
            return connection.pid, False
        except (NoDaemonError, Refused):  # it ends just now; or it is no daemon
            return None
        except SswdError:  # it says no: that is an answer
            pass
        return connection.pid, True


def _holder(path: Path) -> int | None:
    """Who holds the lock beside the socket."""
    with contextlib.suppress(OSError, ValueError):
        return int(path.with_suffix(".lock").read_text())
    return None
