"""The log for who asks: the last lines, and those to come.

Threading model: the loop's own.
"""

from collections.abc import AsyncGenerator

import msgspec

from sswd.control.protocol import Answer, Line, Logs
from sswd.ioc.daemon.control.log_ring import LogRing

AT_ONCE = 100
"""Events between two looks at who else waits for the loop."""


async def tell(ring: LogRing, request: Logs) -> AsyncGenerator[Answer, None]:
    """The last `request.last` events, then those that come. A reader that is slower
    than the log loses events, and is told how many."""
    number = max(0, ring.written - request.last)
    while True:
        number, events, lost = ring.since(number, AT_ONCE)
        if lost and request.follow:
            yield Line(event={"level": "WARNING", "message": f"{lost} events lost"})
        for event in events:
            yield Line(event=msgspec.json.decode(event, type=dict))
        if number < ring.written:
            continue
        if not request.follow:
            return
        await ring.wait(number)
