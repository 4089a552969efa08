"""Tells systemd how the daemon fares: READY, STATUS, WATCHDOG, STOPPING.

As sd_notify(3): datagrams to $NOTIFY_SOCKET, which a unit of `Type=notify` sets.
Without it nothing is done. The watchdog is fed by the loop and by nothing else, so a
loop that hangs is seen: after `WatchdogSec` systemd ends the daemon and starts it anew.

Threading model: the loop's own.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping, MutableMapping

from sswd.ratelimit import OncePerKey

log = logging.getLogger("sswd.ioc")

PERIOD_S = 1.0
"""How often it is looked whether the status line has changed."""
FEEDS = 3
"""The watchdog is fed so often within its time."""
NAMED = 5
"""Systems that are not RUNNING and are named in the status line."""
VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")

States = Callable[[], Mapping[str, str]]
"""The state of each system's worker, by the system's name."""


class Systemd:
    """What systemd is told. Its variables are ours alone: no worker inherits them."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        address, watchdog_us, _ = (environ.pop(name, "") for name in VARIABLES)
        self._socket: socket.socket | None = None
        if address[:1] in ("/", "@"):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
        is_abstract = address[:1] == "@"
        self._address = f"\0{address[1:]}" if is_abstract else address
        self._is_watched = watchdog_us.isdecimal()
        self._period_s = PERIOD_S
        if self._is_watched:
            self._period_s = min(PERIOD_S, int(watchdog_us) / 1e6 / FEEDS)
        self._states: States = dict
        self._told = ""
        self._unsent: list[str] = []
        """What systemd had no room for, to be said with the next words."""
        self._timer: asyncio.TimerHandle | None = None
        self._failures = OncePerKey(max_keys=1)

    def ready(self, states: States) -> None:
        """The IOC answers. From now on the status is told, and the watchdog fed."""
        if self._socket is None:
            return
        self._states = states
        self._send("READY=1")
        self._tick()

    def stopping(self) -> None:
        """The workers are being stopped. The loop lives and goes on feeding."""
        self._send("STOPPING=1")

    def close(self) -> None:
        """Say no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _tick(self) -> None:
        status = status_line(self._states())
        lines = []
        if status != self._told:
            lines.append(f"STATUS={status}")
            self._told = status
        if lines or self._unsent or self._is_watched:
            self._send(*lines, *(["WATCHDOG=1"] if self._is_watched else []))
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._period_s, self._tick)

    def _send(self, *lines: str) -> None:
        if self._socket is None:
            return
        said = [*self._unsent, *lines]
        try:
            self._socket.sendto("\n".join(said).encode(), self._address)
        except BlockingIOError:
            self._unsent = [line for line in said if line != "WATCHDOG=1"]
        except OSError as ex:
            if self._failures.is_new("send"):
                log.warning("systemd cannot be told %s: %s", lines[0], ex)
        else:
            self._unsent = []


def status_line(states: Mapping[str, str]) -> str:
    """ "3 systems: 2 RUNNING, 1 BACKOFF (stage)". Pure."""
    by_state: dict[str, list[str]] = {}
    for name, state in states.items():
        by_state.setdefault(state, []).append(name)
    parts = []
    for state, names in sorted(by_state.items(), key=lambda item: -len(item[1])):
        more = ", ..." if len(names) > NAMED else ""
        named = "" if state == "RUNNING" else f" ({', '.join(names[:NAMED])}{more})"
        parts.append(f"{len(names)} {state}{named}")
    word = "system" if len(states) == 1 else "systems"
    return f"{len(states)} {word}: {', '.join(parts)}" if parts else "no systems"
