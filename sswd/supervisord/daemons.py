"""Which daemons there are on this host, and whether their event loops answer.

A question goes through the control socket, whose kernel end says whose it is even when
nobody answers. Blocks.
"""

from pathlib import Path

from sswd.control.client import Connection, NoDaemonError, SilentError
from sswd.control.holder import holder, owner_of
from sswd.control.places import sockets
from sswd.control.protocol import Hello, Refused
from sswd.errors import SswdError


def answers(answer_s: float) -> dict[int, bool]:
    """Process id of each daemon -> whether it answered within `answer_s`.

    One that has answered is not silent, whatever another socket says of it.
    """
    heard: dict[int, bool] = {}
    for path in sockets():
        pid, has_answered = _ask(path, answer_s)
        if pid is not None:
            heard[pid] = has_answered or heard.get(pid, False)
    return heard


def _ask(path: Path, answer_s: float) -> tuple[int | None, bool]:
    """(process id, whether it answered); without one: no daemon of ours is there."""
    try:
        connection = Connection(path)
    except (BlockingIOError, TimeoutError):  # so many wait that no more may
        return holder(path), False
    except (OSError, NoDaemonError):  # left by a daemon that was killed; a stranger's
        return None, False
    with connection:
        try:
            list(connection.ask(Hello(), answer_s))
        except SilentError:
            # Its number may be another's now, while a child of it keeps the socket.
            is_it = owner_of(connection.pid) == connection.uid
            return (connection.pid if is_it else None), False
        except (NoDaemonError, Refused):  # it ends just now; or it is no daemon
            return None, False
        except SswdError:  # it says no: that is an answer
            pass
        return connection.pid, True
