"""The queues between the bridges' threads and the loop: no wake-up is ever lost."""

import os
import select

import pytest

from sswd.ioc.process.queues import EventfdQueue


def is_readable(queue: EventfdQueue) -> bool:
    poll = select.poll()
    poll.register(queue.fileno(), select.POLLIN)
    return bool(poll.poll(0))


async def test_a_push_in_the_middle_of_clear_event_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue = EventfdQueue()
    queue.push(1)
    read = os.eventfd_read

    def read_after_a_push(fd: int) -> int:
        monkeypatch.undo()
        queue.push(2)
        return read(fd)

    monkeypatch.setattr(os, "eventfd_read", read_after_a_push)
    queue.clear_event()
    assert [queue.take(), queue.take()] == [1, 2]
    queue.push(3)
    assert is_readable(queue)
    queue.close()


async def test_it_is_readable_until_clear_event() -> None:
    queue = EventfdQueue()
    assert not is_readable(queue)
    queue.push(1)
    assert is_readable(queue)
    queue.clear_event()
    assert not is_readable(queue)
    assert queue.take() == 1
    queue.close()
