"""The last lines of the log: bounded, and woken from any thread."""

import asyncio
import logging
import threading

import msgspec
import pytest

from sswd.control.protocol import Line, Logs
from sswd.ioc.daemon.control import log_lines
from sswd.ioc.daemon.control.log_ring import CHARACTERS, LogRing


@pytest.fixture
def log():
    logger = logging.getLogger("test.ring")
    logger.setLevel(logging.DEBUG)
    yield logger
    logger.handlers.clear()


def ring_of(log: logging.Logger, lines: int = 10) -> LogRing:
    ring = LogRing(lines)
    log.addHandler(ring)
    return ring


async def told(ring: LogRing, **words: object) -> list[str]:
    lines = log_lines.tell(ring, Logs(**words))
    return [line.event["message"] async for line in lines if isinstance(line, Line)]


async def test_the_last_ones(log) -> None:
    ring = ring_of(log)
    for number in range(25):
        log.info("event %d", number)
    assert await told(ring, last=3) == ["event 22", "event 23", "event 24"]
    assert len(await told(ring, last=10_000)) == 10
    assert await told(ring, last=0) == []


async def test_fields_and_traceback_are_there(log) -> None:
    ring = ring_of(log)
    try:
        raise KeyError("x")
    except KeyError:
        log.exception("failed", extra={"run": 3})
    [event] = [msgspec.json.decode(e) for e in ring.since(0)[1]]
    assert (event["run"], event["logger"]) == (3, "test.ring")
    assert event["trace"].endswith("KeyError: 'x'")


async def test_an_event_of_a_megabyte_is_cut(log) -> None:
    ring = ring_of(log)
    log.info("%s", "x" * 1_000_000, extra={"more": "y" * 1_000_000})
    [event] = ring.since(0)[1]
    assert len(event) < CHARACTERS


async def test_who_follows_is_woken_from_any_thread(log) -> None:
    ring = ring_of(log)
    following = log_lines.tell(ring, Logs(last=0, follow=True))
    coming = asyncio.ensure_future(anext(following))
    await asyncio.sleep(0)
    thread = threading.Thread(target=log.info, args=("from elsewhere",))
    thread.start()
    thread.join()
    line = await asyncio.wait_for(coming, 10)
    assert line.event["message"] == "from elsewhere"
    await following.aclose()
    assert not ring._waiting


async def test_who_is_too_slow_is_told_what_is_lost(log) -> None:
    ring = ring_of(log)
    following = log_lines.tell(ring, Logs(last=1, follow=True))
    log.info("first")
    assert (await anext(following)).event["message"] == "first"
    for number in range(25):
        log.info("event %d", number)
    assert (await anext(following)).event["message"] == "15 events lost"
    assert (await anext(following)).event["message"] == "event 15"
    await following.aclose()
