"""A firewall around startup, scan and shutdown hooks: one that raises stays alone.

Under plain caproto an exception in any hook ends the whole server.
"""

import asyncio
import logging
from collections.abc import Callable

from sswd.alarm import Alarm, Severity, Status
from sswd.ioc.ca.caproto_private.data import Data
from sswd.ioc.ca.evloop.eager import Coro
from sswd.ioc.ca.pv.publish import set_alarm

logger = logging.getLogger(__name__)

Hook = Callable[[object], Coro]


def fenced(
    name: str, hook: Hook, data: Data | None, failed: Callable[[], None]
) -> Hook:
    """`hook`, but its exception is logged and alarms its PV instead of ending us."""

    async def run(async_lib: object) -> None:
        try:
            await hook(async_lib)
        except asyncio.CancelledError:
            raise
        except Exception:  # around user code: one of the two documented firewalls
            failed()
            logger.exception("hook %s failed; its PV is alarmed, the IOC goes on", name)
            if data is not None:
                words = f"hook {name} failed; see the log"
                set_alarm(data, Alarm(Severity.INVALID, Status.SOFT, words))

    run.__name__ = getattr(hook, "__name__", name)
    return run
